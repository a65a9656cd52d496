export { InputError, type InputErrorCode } from './errors.js';
