/** One mutated ONNX model by seed and number. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { BYTE_MUTATIONS, MUTATIONS } from './onnx-mutations.mjs';
import { seedModel } from './onnx-seeds.mjs';

/** Writes the mutant into a folder and returns its path and what was done to it. */
export function writeOnnxCase(folder, choices, cropped) {
  const model = seedModel(choices, cropped);
  const applied = [];
  const count = choices.pick([0, 1, 1, 1, 2, 3]);
  for (let i = 0; i < count; i++) {
    if (!model.graph) break;
    const name = choices.pick(Object.keys(MUTATIONS));
    MUTATIONS[name](model, choices);
    applied.push(name);
  }
  let bytes = encode(model);
  if (choices.chance(0.12)) {
    const name = choices.pick(Object.keys(BYTE_MUTATIONS));
    bytes = BYTE_MUTATIONS[name](bytes, choices);
    applied.push(name);
  }
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'model.onnx');
  writeFileSync(path, bytes);
  // What external data may and may not point at.
  writeFileSync(join(folder, 'data.bin'), new Uint8Array(4096));
  writeFileSync(join(folder, '..', 'outside.bin'), new Uint8Array(4096));
  symlinkSync('../outside.bin', join(folder, 'link.bin'));
  return { path, applied };
}

function encode(model) {
  return toBinary(ModelProtoSchema, model);
}
