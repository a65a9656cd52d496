/** Class name of the one layer that is not TensorFlow.js's own; see `column-gather.ts`. */
export const COLUMN_GATHER = 'SpherizeColumnGather';
