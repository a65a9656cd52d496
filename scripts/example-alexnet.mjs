/**
 * Makes something to try the full size on, without downloading anything:
 *
 *     node scripts/example-alexnet.mjs FOLDER [--small]
 *
 * writes FOLDER/alexnet.onnx, of the shape and with the names of torchvision's AlexNet as PyTorch exports it (61 million
 * weights, 244 MB), and FOLDER/images, generated JPEGs in a folder per class. The weights are random (He initialisation,
 * always the same), so accuracies mean nothing; times, memory and sizes do. `--small` makes every layer 16 times narrower, for images of
 * 96 × 96 pixels and 5 classes instead of 1,000.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const CLASSES = 1000;
const FEW_CLASSES = 5;
const IMAGES_PER_CLASS = 10;
/** By how much `--small` narrows. */
const NARROWING = 16;
/** Sides of the model's images, and of the last maps that become of them. */
const FULL = { image: 224, map: 6 };
const SMALL = { image: 96, map: 2 };
/** Sides of the images lie between these. */
const SMALLEST_SIDE = 300;
const LARGEST_SIDE = 500;

/** Packages as the workspace's own packages see them: the root has none of these. */
async function importFrom(workspacePackage, name) {
  const require = createRequire(new URL(`../${workspacePackage}/package.json`, import.meta.url));
  return import(pathToFileURL(require.resolve(name)).href);
}

/** Numbers in (0, 1], the same for the same seed: mulberry32. */
function uniform(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 1) / 2 ** 32;
  };
}

/** Normally distributed values, two by two, by Box and Muller's method. */
function normal(size, deviation, random) {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(random()));
    const angle = 2 * Math.PI * random();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < size) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

async function writeModel(path, small, classes) {
  const width = (full) => (small ? full / NARROWING : full);
  const side = small ? SMALL : FULL;
  const { create, toBinary } = await importFrom('packages/adapters-onnx', '@bufbuild/protobuf');
  const onnx = await importFrom('packages/adapters-onnx', 'onnx-buf');
  const { AttributeProto_AttributeType: AttributeType, TensorProto_DataType: DataType } = onnx;
  const random = uniform(1);
  const node = [];
  const initializer = [];

  const shapeOf = (dims) => ({
    dim: dims.map((dim) =>
      create(onnx.TensorShapeProto_DimensionSchema, {
        value:
          typeof dim === 'string'
            ? { case: 'dimParam', value: dim }
            : { case: 'dimValue', value: BigInt(dim) },
      }),
    ),
  });
  const valueInfo = (name, dims) =>
    create(onnx.ValueInfoProtoSchema, {
      name,
      type: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT, shape: shapeOf(dims) } } },
    });
  const parameter = (name, dims, deviation) => {
    const values = normal(
      dims.reduce((product, dim) => product * dim, 1),
      deviation,
      random,
    );
    initializer.push(
      create(onnx.TensorProtoSchema, {
        name,
        dims: dims.map(BigInt),
        dataType: DataType.FLOAT,
        rawData: new Uint8Array(values.buffer),
      }),
    );
    return name;
  };
  /** Adds a node named as PyTorch's exporter does and returns its output. */
  const add = (module, opType, inputs, attributes = {}, output = `/${module}/${opType}_output_0`) => {
    const attribute = Object.entries(attributes).map(([name, value]) =>
      create(
        onnx.AttributeProtoSchema,
        Array.isArray(value)
          ? { name, type: AttributeType.INTS, ints: value.map(BigInt) }
          : { name, type: AttributeType.INT, i: BigInt(value) },
      ),
    );
    node.push(
      create(onnx.NodeProtoSchema, {
        opType,
        name: `/${module}/${opType}`,
        input: inputs,
        output: [output],
        attribute,
      }),
    );
    return output;
  };
  const convolution = (index, input, filters, channels, kernel, stride, padding) => {
    const name = `features.${index}`;
    const deviation = Math.sqrt(2 / (channels * kernel * kernel));
    const weight = parameter(`${name}.weight`, [filters, channels, kernel, kernel], deviation);
    const bias = parameter(`${name}.bias`, [filters], 0.01);
    const maps = add(`features/${name}`, 'Conv', [input, weight, bias], {
      dilations: [1, 1],
      group: 1,
      kernel_shape: [kernel, kernel],
      pads: [padding, padding, padding, padding],
      strides: [stride, stride],
    });
    return add(`features/features.${index + 1}`, 'Relu', [maps]);
  };
  const pool = (index, input) =>
    add(`features/features.${index}`, 'MaxPool', [input], { kernel_shape: [3, 3], strides: [2, 2] });
  const linear = (index, input, outputs, inputs, output) => {
    const name = `classifier.${index}`;
    const weight = parameter(`${name}.weight`, [outputs, inputs], Math.sqrt(2 / inputs));
    const bias = parameter(`${name}.bias`, [outputs], 0.01);
    return add(`classifier/${name}`, 'Gemm', [input, weight, bias], { transB: 1 }, output);
  };

  let last = pool(2, convolution(0, 'input', width(64), 3, 11, 4, 2));
  last = pool(5, convolution(3, last, width(192), width(64), 5, 1, 2));
  last = convolution(6, last, width(384), width(192), 3, 1, 1);
  last = convolution(8, last, width(256), width(384), 3, 1, 1);
  last = pool(12, convolution(10, last, width(256), width(256), 3, 1, 1));
  // What the adaptive average pool becomes when its input has the wanted size already.
  last = add('avgpool', 'AveragePool', [last], { kernel_shape: [1, 1], strides: [1, 1] });
  last = add('Flatten', 'Flatten', [last], { axis: 1 });
  last = add('classifier/classifier.2', 'Relu', [linear(1, last, width(4096), width(256) * side.map ** 2)]);
  last = add('classifier/classifier.5', 'Relu', [linear(4, last, width(4096), width(4096))]);
  linear(6, last, classes, width(4096), 'output');

  const model = create(onnx.ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'spherize example',
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(onnx.GraphProtoSchema, {
      name: 'main_graph',
      node,
      initializer,
      input: [valueInfo('input', ['batch_size', 3, side.image, side.image])],
      output: [valueInfo('output', ['batch_size', classes])],
    }),
  });
  const bytes = toBinary(onnx.ModelProtoSchema, model);
  writeFileSync(path, bytes);
  return bytes.length;
}

/** Blurred blotches of colour, of a different size each; the classes after the first few have the same images again. */
async function writeImages(folder, classes) {
  const { default: sharp } = await importFrom('apps/cli', 'sharp');
  const random = uniform(2);
  const side = () => SMALLEST_SIDE + Math.floor(random() * (LARGEST_SIDE - SMALLEST_SIDE));
  const nameOf = (label) => `n${String(label).padStart(8, '0')}`;
  const imageOf = (label, i) => join(folder, nameOf(label), `${nameOf(label)}_${i}.JPEG`);
  for (let label = 0; label < classes; label++) {
    mkdirSync(join(folder, nameOf(label)), { recursive: true });
    for (let i = 0; i < IMAGES_PER_CLASS; i++) {
      if (label >= FEW_CLASSES) {
        copyFileSync(imageOf(label % FEW_CLASSES, i), imageOf(label, i));
        continue;
      }
      const raw = { width: 16, height: 12, channels: 3 };
      const pixels = Uint8Array.from({ length: 16 * 12 * 3 }, () => Math.floor(255 * random()));
      await sharp(pixels, { raw })
        .resize(side(), side(), { fit: 'fill', kernel: 'cubic' })
        .jpeg({ quality: 90 })
        .toFile(imageOf(label, i));
    }
  }
}

const [folder, flag, more] = process.argv.slice(2);
if (folder === undefined || (flag !== undefined && flag !== '--small') || more !== undefined) {
  process.stderr.write('usage: node scripts/example-alexnet.mjs FOLDER [--small]\n');
  process.exitCode = 2;
} else {
  mkdirSync(folder, { recursive: true });
  const model = join(folder, 'alexnet.onnx');
  const small = flag === '--small';
  const classes = small ? FEW_CLASSES : CLASSES;
  const bytes = await writeModel(model, small, classes);
  process.stdout.write(`${model}: ${(bytes / 1e6).toFixed(1)} MB\n`);
  const images = join(folder, 'images');
  await writeImages(images, classes);
  process.stdout.write(`${images}: ${classes} classes of ${IMAGES_PER_CLASS} images\n`);
}
