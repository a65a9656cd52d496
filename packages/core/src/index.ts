export type {
  ClusterGroup,
  FeatureRewrite,
  InputForm,
  LayerRewrite,
  ModelRewrite,
} from './compression/model-rewrite.js';
export { InputError, type InputErrorCode } from './errors.js';
export type { GraphOperation, GraphView, OperationEffect } from './folding/graph-view.js';
export { type FoldPlan, type FoldStep, planFold } from './folding/norm-folding.js';
export type {
  FcLayer,
  Model,
  ModelFormat,
  ModelSession,
  SkippedLayer,
  Tensor,
  TensorInfo,
} from './format/model-format.js';
export {
  asDenseMatrix,
  type DenseMatrix,
  denseMatrix,
  fromMlMatrix,
  toRows,
  transpose,
} from './matrix/dense-matrix.js';
export type { MatrixEngine } from './matrix/matrix-engine.js';
