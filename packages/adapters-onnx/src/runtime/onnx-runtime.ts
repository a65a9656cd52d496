/**
 * What is used of onnxruntime. Its packages for Node, for browsers and for React Native all export it: `import * as runtime from
 * 'onnxruntime-web/webgpu'`.
 */
export type OnnxRuntime = Pick<typeof import('onnxruntime-common'), 'InferenceSession' | 'Tensor'>;
