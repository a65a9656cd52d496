// Packs an ONNX model into the compact form that the command line carries its example model in:
//
//   npm run build && node models/pack.mjs INPUT.onnx OUTPUT.spz
//
// Finds the raw values of the float32 weights, packs the file, unpacks it again and compares every byte. Prints the
// size and SHA-256 that apps/cli/src/embedded/embedded-model.ts holds.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { packModel, unpackModel } from '../apps/cli/dist/embedded/compact-model.js';

// The ONNX reader is a dependency of the adapter package, not of the repository's root.
const require = createRequire(new URL('../packages/adapters-onnx/package.json', import.meta.url));
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
const { fromBinary } = await load('@bufbuild/protobuf');
const { ModelProtoSchema, TensorProto_DataType } = await load('onnx-buf');

const [input, output] = process.argv.slice(2);
if (input === undefined || output === undefined) {
  console.error('usage: node models/pack.mjs INPUT.onnx OUTPUT.spz');
  process.exit(2);
}

const model = readFileSync(input);
const { graph } = fromBinary(ModelProtoSchema, model);
const payloads = graph.initializer
  .filter(({ dataType, rawData }) => dataType === TensorProto_DataType.FLOAT && rawData !== undefined)
  .map(({ name, rawData }) => {
    // The decoder hands out views of the file, so their place in its buffer is the place in the file.
    if (rawData.buffer !== model.buffer) throw new Error(`${name}: the decoder copied the values`);
    return { offset: rawData.byteOffset - model.byteOffset, count: rawData.length / 4 };
  });

const packed = packModel(model, payloads);
if (!model.equals(unpackModel(packed)))
  throw new Error(`${input}: unpacking does not give back the same bytes`);
writeFileSync(output, packed);

console.log(`${payloads.length} tensors, ${model.length} → ${packed.length} bytes`);
console.log(`sha256 of the unpacked file: ${createHash('sha256').update(model).digest('hex')}`);
