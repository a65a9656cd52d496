/** The native runtime, loaded in silence: nothing else in this package imports it. */
import './without-telemetry.js';

export { InferenceSession, Tensor } from 'onnxruntime-node';
