/**
 * Makes a model that one protobuf message cannot hold, without downloading anything:
 *
 *     node scripts/large-mlp.mjs FOLDER [SIZE]
 *
 * writes FOLDER/mlp.onnx, three fully connected layers of SIZE × SIZE (14336 by default) with ReLU between them, and its 2.5 GB
 * of random weights as external data in FOLDER/mlp.onnx.data.
 */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeWithExternalData } from '../packages/adapters-onnx/dist/file/write-model.js';
import { Random } from '../packages/core/dist/index.js';

const LAYERS = 3;
const SIZE = 14336;
const TILE = 2 ** 20 + 7;

const require = createRequire(new URL('../packages/adapters-onnx/package.json', import.meta.url));
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
const { create } = await load('@bufbuild/protobuf');
const onnx = await load('onnx-buf');

const [folder, sizeText = String(SIZE), more] = process.argv.slice(2);
const size = Number(sizeText);
if (folder === undefined || more !== undefined || !Number.isInteger(size) || size < 1) {
  process.stderr.write('usage: node scripts/large-mlp.mjs FOLDER [SIZE]\n');
  process.exitCode = 2;
} else {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'mlp.onnx');
  const bytes = await writeWithExternalData(perceptron(size), path);
  process.stdout.write(`${path}: ${(bytes / 1e6).toFixed(1)} MB with its data\n`);
}

function perceptron(width) {
  const { AttributeProto_AttributeType: AttributeType, TensorProto_DataType: DataType } = onnx;
  const random = new Random(1);
  // A prime number of values, repeated: no two columns are alike, and it takes seconds, not minutes.
  const tile = Float32Array.from({ length: TILE }, () => Math.sqrt(2 / width) * random.normal());
  const node = [];
  const initializer = [];
  let tensor = 'x';
  for (let i = 1; i <= LAYERS; i++) {
    const values = new Float32Array(width * width);
    for (let start = 0; start < values.length; start += TILE) {
      values.set(tile.subarray(0, Math.min(TILE, values.length - start)), start);
    }
    tile.reverse();
    const dims = [BigInt(width), BigInt(width)];
    const rawData = new Uint8Array(values.buffer);
    initializer.push(
      create(onnx.TensorProtoSchema, { name: `fc${i}.weight`, dims, dataType: DataType.FLOAT, rawData }),
    );
    const transB = create(onnx.AttributeProtoSchema, { name: 'transB', type: AttributeType.INT, i: 1n });
    const output = i === LAYERS ? 'y' : `fc${i}`;
    const gemm = { opType: 'Gemm', name: `fc${i}`, input: [tensor, `fc${i}.weight`], output: [output] };
    node.push(create(onnx.NodeProtoSchema, { ...gemm, attribute: [transB] }));
    tensor = output;
    if (i === LAYERS) break;
    tensor = `relu${i}`;
    node.push(
      create(onnx.NodeProtoSchema, { opType: 'Relu', name: tensor, input: [output], output: [tensor] }),
    );
  }
  const valueInfo = (name) => {
    const dim = [
      { value: { case: 'dimParam', value: 'batch' } },
      { value: { case: 'dimValue', value: BigInt(width) } },
    ];
    const value = { elemType: DataType.FLOAT, shape: { dim } };
    return create(onnx.ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
  };
  return create(onnx.ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'spherize large example',
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(onnx.GraphProtoSchema, {
      name: 'mlp',
      node,
      initializer,
      input: [valueInfo('x')],
      output: [valueInfo('y')],
    }),
  });
}
