/** Writes wrong files of every class into a folder, called after what is wrong with them. */
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  integerZeros,
  ModelBuilder,
  makeExternal,
} from '../../../../packages/adapters-onnx/test/build-model.js';
import { idxBytes, npyBytes, npzBytes, write } from '../data/data-files.js';
import {
  CLASSES,
  modelWithoutLayers,
  modelWithTwoInputs,
  SAMPLES,
  smallModel,
  writeSmallFiles,
} from './small-files.js';

/** Element types in ONNX's numbering. */
const DataType = { FLOAT: 1, UINT8: 2, INT64: 7, STRING: 8 };

/** Columns whose Gram matrix fits no machine: 640 GB. */
const COLUMNS_BEYOND_MEMORY = 400_000;

export function writeInputFiles(folder: string): void {
  writeSmallFiles(folder);
  write(folder, 'conv.onnx', modelWithoutLayers());
  write(folder, 'two.onnx', modelWithTwoInputs());
  write(folder, 'model.bin', Buffer.from('not a model\n'));
  writeFileSync(join(folder, 'outside.bin'), new Uint8Array(96));
  mkdirSync(join(folder, 'taken.recipe.json'));
  symlinkSync('/dev/zero', join(folder, 'device.onnx'));
  symlinkSync('/dev/zero', join(folder, 'device.json'));
  for (const name of ['folder.onnx', 'no classes', 'one class', 'models']) mkdirSync(join(folder, name));
  mkdirSync(join(folder, 'one class', 'empty'));
  writeOnnxFiles(folder);
  writeTfjsFiles(folder);
  writeData(folder);
  writePlugins(folder);
}

/** x → fc (2 × 3, no bias) → y, changed. */
function changed(change: (model: ModelBuilder) => unknown): Uint8Array {
  const model = new ModelBuilder();
  model.node('Gemm', [model.input('x', [undefined, 3]), model.weight('fc.weight', [3, 2])], {}, ['h'], 'fc');
  model.node('Relu', ['h'], {}, ['y'], 'relu');
  model.output('y', [undefined, 2]);
  change(model);
  return model.build();
}

function withWeights(change: (values: Float32Array) => void): Uint8Array {
  return changed(({ initializers: [weights] }) => {
    const values = new Float32Array(weights!.rawData.slice().buffer);
    change(values);
    weights!.rawData = new Uint8Array(values.buffer);
  });
}

function external(location: string, more: Record<string, string> = {}): Uint8Array {
  return changed(({ initializers: [weights] }) => makeExternal(weights!, { location, ...more }));
}

function writeOnnxFiles(folder: string): void {
  const whole = smallModel();
  write(folder, 'empty.onnx', new Uint8Array());
  write(folder, 'text.onnx', Buffer.from('not a model\n'));
  write(folder, 'truncated.onnx', whole.subarray(0, whole.length / 2));
  truncateSync(write(folder, 'huge.onnx', whole), 3 * 2 ** 30);
  write(folder, 'no-graph.onnx', Buffer.from([0x08, 0x07]));
  write(
    folder,
    'no-operators.onnx',
    changed((model) => Object.assign(model, { opset: 0 })),
  );
  write(
    folder,
    'cycle.onnx',
    changed(({ nodes }) => {
      nodes[0]!.input[0] = 'y';
    }),
  );
  write(
    folder,
    'dangling.onnx',
    changed(({ nodes }) => {
      nodes[1]!.input[0] = 'nowhere';
    }),
  );
  write(
    folder,
    'duplicate-names.onnx',
    changed((model) => model.weight('fc.weight', [1])),
  );
  write(
    folder,
    'dims-disagree.onnx',
    changed(({ initializers: [weights] }) => {
      weights!.dims = [3n, 4n];
    }),
  );
  write(
    folder,
    'dims-overflow.onnx',
    changed(({ initializers: [weights] }) => {
      weights!.dims = [2n ** 62n, 4n];
    }),
  );
  write(
    folder,
    'dims-negative.onnx',
    changed(({ initializers: [weights] }) => {
      weights!.dims = [-3n, -2n];
    }),
  );
  write(
    folder,
    'shapes-disagree.onnx',
    changed(({ initializers: [weights] }) => {
      weights!.dims = [2n, 3n];
    }),
  );
  write(
    folder,
    'nan.onnx',
    withWeights((values) => {
      values[4] = Number.NaN;
    }),
  );
  write(
    folder,
    'infinity.onnx',
    withWeights((values) => {
      values[0] = Number.NEGATIVE_INFINITY;
    }),
  );
  write(
    folder,
    'integers.onnx',
    changed((model) => {
      model.initializers[0] = integerZeros('fc.weight', [3, 2]);
    }),
  );
  write(
    folder,
    'unknown-operator.onnx',
    changed(({ nodes }) => {
      nodes[1]!.opType = 'Nothing';
    }),
  );
  write(
    folder,
    'names.onnx',
    changed(({ initializers, nodes }) => {
      initializers[0]!.name = '\u001b[2J__proto__.weight';
      nodes[0]!.input[1] = '\u001b[2J__proto__.weight';
    }),
  );
  write(folder, 'giant-input.onnx', modelOfGiantImages());
  write(folder, 'giant-gram.onnx', wideModel());
  const externals: [string, Uint8Array][] = [
    ['parent', external('../outside.bin')],
    ['hidden-parent', external('a/./../../outside.bin')],
    ['backslash-parent', external('..\\outside.bin')],
    ['absolute', external('/etc/passwd')],
    ['url', external('https://example.org/weights.bin')],
    ['link', external('link.bin')],
    ['folder', external('.')],
    ['missing', external('none.bin')],
    ['short', external('short.bin')],
    ['negative', external('short.bin', { offset: '-4' })],
    ['overflow', external('short.bin', { offset: '9007199254740993' })],
  ];
  for (const [name, bytes] of externals) write(folder, `models/${name}.onnx`, bytes);
  write(folder, 'models/short.bin', new Uint8Array(20));
  symlinkSync('../outside.bin', join(folder, 'models', 'link.bin'));
}

function modelOfGiantImages(): Uint8Array {
  const model = new ModelBuilder();
  const pooled = model.node('GlobalAveragePool', [model.input('x', [undefined, 3, 200_000, 200_000])]);
  const flat = model.node('Flatten', [pooled], { axis: 1 });
  model.node('Gemm', [flat, model.weight('fc.weight', [3, 2])], {}, ['y']);
  return model.output('y', [undefined, 2]).build();
}

function wideModel(): Uint8Array {
  const model = new ModelBuilder();
  const weights = model.weight('fc.weight', [1, COLUMNS_BEYOND_MEMORY]);
  model.node('Gemm', [model.input('x', [undefined, COLUMNS_BEYOND_MEMORY]), weights], { transB: 1 }, ['y']);
  return model.output('y', [undefined, 1]).build();
}

/** A LayersModel of one Dense layer of 3 inputs and 2 units. */
function layersModel(): {
  modelTopology: unknown;
  weightsManifest: { paths: string[]; weights: unknown[] }[];
} {
  const dense = { name: 'dense', units: 2, activation: 'linear', use_bias: false };
  return {
    modelTopology: {
      class_name: 'Model',
      config: {
        name: 'net',
        layers: [
          layer('InputLayer', { name: 'x', batch_input_shape: [null, 3], dtype: 'float32', sparse: false }),
          layer('Dense', dense, 'x'),
        ],
        input_layers: [['x', 0, 0]],
        output_layers: [['dense', 0, 0]],
      },
    },
    weightsManifest: [
      { paths: ['weights.bin'], weights: [{ name: 'dense/kernel', shape: [3, 2], dtype: 'float32' }] },
    ],
  };
}

function layer(
  className: string,
  config: { readonly name: string; readonly [key: string]: unknown },
  input?: string,
): unknown {
  const nodes = input === undefined ? [] : [[[input, 0, 0, {}]]];
  return { class_name: className, name: config.name, config, inbound_nodes: nodes };
}

function writeTfjsFiles(folder: string): void {
  // biome-ignore lint/suspicious/noExplicitAny: changed in every wrong way
  const json = (name: string, change: (model: any) => void): void => {
    const model = layersModel();
    change(model);
    write(folder, `models/${name}.json`, Buffer.from(JSON.stringify(model)));
  };
  const shards = (name: string, ...paths: string[]): void =>
    json(name, (model) => {
      model.weightsManifest[0].paths = paths;
    });
  write(folder, 'models/weights.bin', Buffer.alloc(24, 1));
  write(folder, 'models/empty.json', new Uint8Array());
  write(folder, 'models/truncated.json', Buffer.from(JSON.stringify(layersModel()).slice(0, 300)));
  write(folder, 'models/other.json', Buffer.from('{"name":"package"}'));
  shards('shard-missing', 'none.bin');
  shards('shard-short', 'short.bin');
  shards('shard-parent', '../outside.bin');
  shards('shard-absolute', '/etc/passwd');
  shards('shard-url', 'https://example.org/weights.bin');
  shards('shard-link', 'link.bin');
  shards('shard-folder', '.');
  json('shape-overflow', (model) => {
    model.weightsManifest[0].weights[0].shape = [2 ** 52, 2 ** 52];
  });
  json('shape-disagrees', (model) => {
    model.weightsManifest[0].weights[0].shape = [2, 3];
  });
  const nan = Float32Array.of(1, 2, 3, Number.NaN, 5, 6);
  write(folder, 'models/nan.bin', Buffer.from(nan.buffer));
  shards('weights-nan', 'nan.bin');
  const graph = (name: string, ...nodes: [op: string, name: string, ...input: string[]][]): void =>
    json(name, (model) => {
      model.format = 'graph-model';
      model.modelTopology = {
        node: [['Placeholder', 'x'], ['Const', 'dense/kernel'], ...nodes].map(([op, own, ...input]) => ({
          ...{ op, name: own, input },
        })),
      };
    });
  graph('graph-circle', ['Identity', 'a', 'b'], ['Identity', 'b', 'a'], ['MatMul', 'y', 'x', 'a']);
  graph('graph-dangling', ['MatMul', 'y', 'x', 'none']);
  graph('graph-duplicate', ['MatMul', 'y', 'x', 'dense/kernel'], ['Relu', 'y', 'x']);
  json('circle', ({ modelTopology: { config } }) => {
    config.layers[1].inbound_nodes = [[['dense', 0, 0, {}]]];
  });
  json('dangling', ({ modelTopology: { config } }) => {
    config.layers[1].inbound_nodes = [[['none', 0, 0, {}]]];
  });
  json('duplicate-layers', ({ modelTopology: { config } }) => {
    config.layers.push(config.layers[1]);
  });
  json('duplicate-weights', ({ weightsManifest: [group] }) => {
    group.paths.push('weights.bin');
    group.weights.push(group.weights[0]);
  });
  json('prototype', ({ modelTopology: { config } }) => {
    config.layers[1].class_name = '__proto__';
  });
}

/** A layer on images of another type than float32. */
function modelOfType(type: 'UINT8' | 'STRING'): Uint8Array {
  const model = new ModelBuilder();
  const image = model.input('image', [undefined, 1, 6, 6], DataType[type]);
  const flat = model.node('Flatten', [model.node('Cast', [image], { to: DataType.FLOAT })], { axis: 1 });
  model.node('MatMul', [flat, model.weight('fc.weight', [36, CLASSES])], {}, ['scores']);
  return model.output('scores', [undefined, CLASSES]).build();
}

/** A layer of whose scores only the largest's number comes out. */
function modelOfLabels(): Uint8Array {
  const model = new ModelBuilder();
  const flat = model.node('Flatten', [model.input('image', [undefined, 1, 6, 6])], { axis: 1 });
  const scores = model.node('MatMul', [flat, model.weight('fc.weight', [36, CLASSES])]);
  model.node('ArgMax', [scores], { axis: 1, keepdims: 0 }, ['label']);
  return model.output('label', [undefined], DataType.INT64).build();
}

function writeData(folder: string): void {
  write(folder, 'bytes.onnx', modelOfType('UINT8'));
  write(folder, 'text-input.onnx', modelOfType('STRING'));
  write(folder, 'labels-only.onnx', modelOfLabels());
  write(folder, 'names.txt', Buffer.from('ant\nbee\n'));
  write(folder, 'twice.txt', Buffer.from('ant\nant\n'));
  const labels = idxBytes([SAMPLES], new Uint8Array(SAMPLES));
  const images = idxBytes([SAMPLES, 6, 6], new Uint8Array(SAMPLES * 36));
  const floats = (shape: number[]) => new Float32Array(shape.reduce((product, size) => product * size, 1));
  write(folder, 'labels2.idx', idxBytes([2], [0, 1]));
  write(folder, 'empty.idx', new Uint8Array());
  write(folder, 'truncated.idx', images.subarray(0, 100));
  write(folder, 'longer.idx', Buffer.concat([images, Buffer.from([1])]));
  write(folder, 'overflow.idx', idxBytes([2 ** 32 - 1, 2 ** 32 - 1, 6], []));
  write(folder, 'truncated.gz', gzipSync(images).subarray(0, 40));
  write(folder, 'bomb.gz', gzipSync(Buffer.concat([images, Buffer.alloc(2 ** 24)])));
  write(folder, 'negative.idx', idxBytes([SAMPLES], new Uint8Array(SAMPLES).fill(0xff), 0x09));
  write(folder, 'labels.gz', gzipSync(labels));
  write(folder, 'high.npy', npyBytes('<i4', [SAMPLES], new Int32Array(SAMPLES).fill(CLASSES, 3)));
  write(folder, 'fractions.npy', npyBytes('<f4', [SAMPLES], new Float32Array(SAMPLES).fill(0.5)));
  write(folder, 'wide.npy', npyBytes('<f4', [SAMPLES, 1, 8, 8], floats([SAMPLES, 64])));
  write(folder, 'few.npy', npyBytes('<i4', [2], new Int32Array(2)));
  const side = npyBytes('<f4', [SAMPLES, 36], floats([SAMPLES, 36]));
  write(folder, 'pairs.npz', npzBytes({ left: side, right: side }));
  const labelled = (name: string, classes: Int32Array) =>
    npzBytes({ left: side, right: side, [name]: npyBytes('<i4', [classes.length], classes) });
  write(folder, 'pairs-few.npz', labelled('y', new Int32Array(3)));
  write(folder, 'pairs-high.npz', labelled('labels', new Int32Array(SAMPLES).fill(CLASSES)));
  write(folder, 'empty.npy', new Uint8Array());
  const whole = npyBytes('<f4', [SAMPLES, 1, 6, 6], floats([SAMPLES, 36]));
  write(folder, 'truncated.npy', whole.subarray(0, 400));
  const notFinite = floats([SAMPLES, 36]);
  notFinite[75] = Number.NaN;
  write(folder, 'nan.npy', npyBytes('<f4', [SAMPLES, 1, 6, 6], notFinite));
  write(folder, 'overflow.npy', npyBytes('<f4', [2 ** 40, 2 ** 40], floats([4])));
  write(folder, 'objects.npy', npyBytes('|O', [SAMPLES, 1, 6, 6], floats([SAMPLES, 36])));
  for (const name of ['broken', 'empty-image', 'bomb'])
    mkdirSync(join(folder, name, 'class'), { recursive: true });
  write(folder, 'broken/class/text.jpg', Buffer.from('not an image\n'));
  write(folder, 'empty-image/class/empty.png', new Uint8Array());
  write(folder, 'bomb/class/bomb.png', declaredPng(60_000, 60_000));
}

/** The start of a PNG that announces a size, with the checksum that decoders want. */
function declaredPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(17);
  header.write('IHDR', 'latin1');
  header.writeUInt32BE(width, 4);
  header.writeUInt32BE(height, 8);
  header.set([8, 2, 0, 0, 0], 12);
  const chunk = (body: Buffer): Buffer => {
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(body.length - 4);
    framed.set(body, 4);
    framed.writeUInt32BE(checksum(body), body.length + 4);
    return framed;
  };
  const pixels = Buffer.concat([Buffer.from('IDAT', 'latin1'), Buffer.alloc(64)]);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk(header),
    chunk(pixels),
    chunk(Buffer.from('IEND', 'latin1')),
  ]);
}

/** CRC-32 as PNG has it. */
function checksum(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  return (rest ^ 0xffffffff) >>> 0;
}

function writePlugins(folder: string): void {
  write(folder, 'broken.mjs', Buffer.from('export default {'));
  write(folder, 'other.mjs', Buffer.from('export const answer = 42;\n'));
  const liar = "export default { name: 'liar', cluster: async () => ({ assignment: [] }) };\n";
  write(folder, 'liar.mjs', Buffer.from(liar));
}
