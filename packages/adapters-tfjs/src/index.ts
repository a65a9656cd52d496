export { ColumnGather, registerColumnGather } from './layers-model/column-gather.js';
