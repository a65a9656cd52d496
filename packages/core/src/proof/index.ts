/** Proofs: a compressed model is run against its reference. */
export { fixedBatch } from '../calibration/input-shapes.js';
export {
  compareModels,
  largestDeviation,
  ProofError,
  type ReferenceForm,
  requireRunnable,
  SUMMATION_TOLERANCE,
  type Verification,
  type VerifyOptions,
} from './compare-models.js';
export {
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
  verifyRewrite,
} from './verify-rewrite.js';
