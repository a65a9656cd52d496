/** Proofs: a compressed model is run against its reference. */
export {
  fixedBatch,
  type RandomInputsOptions,
  type Reach,
  type RequireMemory,
  randomInputs,
  requireInputMemory,
  widestReach,
} from './random-inputs.js';
export {
  type Compression,
  type CompressionFigures,
  largestDeviation,
  ProofError,
  requireRunnable,
  SUMMATION_TOLERANCE,
  type Verification,
  type VerifyOptions,
  verifyRewrite,
} from './verify-rewrite.js';
