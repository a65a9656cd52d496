export { type OnnxRuntimeEngine, onnxRuntimeEngine } from './matrix-engine.js';
export { onnxFormat } from './onnx-format.js';
export { onnxModel } from './onnx-model.js';
export { type FloatTensor, onnxTensors } from './onnx-tensors.js';
