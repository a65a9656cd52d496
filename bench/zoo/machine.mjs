import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';

/** What measured, in which version. */
export function machineLine() {
  return [
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`,
    `Node ${process.versions.node}`,
    `onnxruntime ${packageVersion('onnxruntime-node', 'adapters-onnx')}`,
    `TensorFlow.js ${packageVersion('@tensorflow/tfjs-core', 'adapters-tfjs')}`,
  ].join('; ');
}

/** The version of a package that one of ours depends on. */
function packageVersion(name, dependent) {
  const folder = new URL(`../../packages/${dependent}/`, import.meta.url);
  const require = createRequire(folder);
  return require(join(folder.pathname, 'node_modules', name, 'package.json')).version;
}
