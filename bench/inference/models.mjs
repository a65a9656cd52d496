// The models: an original, its compressed forms and the plain ones with as many columns, as files in a folder.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxFormat, onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import { clusterLayer, planRewrite, prepareLayer, Random, spherical } from '@spherize/core';
import { embeddedModelPath } from '../../apps/cli/dist/embedded/embedded-model.js';
import { bytesOutside, decode, encode, partAfter, twoLayers, withColumns } from './graphs.mjs';

const LAYER_SIZE = 4096;
const SEED = 1;

/** What is compressed: `layers` by name, and the tensor at which the part that is timed on its own begins. */
export const SUBJECTS = {
  layer: {
    title: `one layer ${LAYER_SIZE} → ${LAYER_SIZE}, scales and order folded into the layer before`,
    layers: ['layer'],
    part: { after: 'hidden', afterPlain: 'layer/narrow', width: LAYER_SIZE },
    make: async (path) => writeFile(path, encode(twoLayers(LAYER_SIZE, new Random(SEED)))),
  },
  imagenet: {
    title: "torchvision's AlexNet, 224×224×3, 1000 classes, synthetic weights",
    part: { width: 9216 },
    make: makeFullSize,
  },
  fashion: {
    title: 'embedded AlexNet, 28×28×1, 10 classes',
    part: { width: 9216 },
    make: async (path) => writeFile(path, await readFile(await embeddedModelPath('alexnet-fashion'))),
  },
};

/**
 * Makes what is missing of a subject's files.
 *
 * @returns the paths `original`, and `compressed` and `plain` by ratio, each whole and as the part that is timed on its own,
 * with the sizes of the files and of the layers' own weights
 */
export async function prepare(folder, name, ratios) {
  const subject = SUBJECTS[name];
  const home = join(folder, name);
  await mkdir(home, { recursive: true });
  const original = join(home, 'original.onnx');
  if (!existsSync(original)) await subject.make(original);
  const proto = decode(await readFile(original));
  const layers =
    subject.layers ??
    proto.graph.node
      .filter(({ opType }) => opType === 'Gemm')
      .map(({ input }) => input[1].replace(/\.weight$/, ''));
  const after =
    subject.part.after ?? proto.graph.node.find(({ input }) => input[1] === `${layers[0]}.weight`).input[0];
  const files = { original: await parts(home, 'original', proto, after, subject.part.width), ratios: {} };
  const missing = ratios.filter((ratio) => !existsSync(join(home, `compressed-${ratio}.onnx`)));
  if (missing.length > 0) await compress(original, layers, missing, home);
  for (const ratio of ratios) {
    const compressed = decode(await readFile(join(home, `compressed-${ratio}.onnx`)));
    const columns = new Map(
      layers.map((layer) => [
        layer,
        Number(compressed.graph.initializer.find((each) => each.name === `${layer}.weight`).dims[1]),
      ]),
    );
    const plain = withColumns(proto, columns);
    const plainFile = join(home, `plain-${ratio}.onnx`);
    await writeFile(plainFile, encode(plain));
    // A plain layer on its own reads k features and needs no Slice.
    const { afterPlain } = subject.part;
    const width = afterPlain === undefined ? subject.part.width : columns.get(layers[0]);
    files.ratios[ratio] = {
      columns: Object.fromEntries(columns),
      compressed: await parts(home, `compressed-${ratio}`, compressed, after, subject.part.width),
      plain: await parts(home, `plain-${ratio}`, plain, afterPlain ?? after, width),
    };
  }
  const outside = bytesOutside(proto, layers);
  const bytes = (await stat(original)).size;
  return {
    title: subject.title,
    onlyPart: subject.part.afterPlain !== undefined,
    files,
    bytes,
    layerBytes: bytes - outside,
  };
}

async function parts(home, name, proto, after, width) {
  const whole = join(home, `${name}.onnx`);
  const part = join(home, `${name}-part.onnx`);
  await writeFile(part, encode(partAfter(proto, after, width)));
  return { whole, part, bytes: (await stat(whole)).size };
}

/** All ratios from one Gram matrix per layer. */
async function compress(original, layers, ratios, home) {
  const { model } = await onnxFormat.read(original);
  const engine = onnxRuntimeEngine();
  const byRatio = new Map(ratios.map((ratio) => [ratio, new Map()]));
  for (const layer of model.layers.filter(({ name }) => layers.includes(name))) {
    const prepared = await prepareLayer(model, layer, 0, engine);
    for (const [ratio, compressed] of byRatio) {
      compressed.set(layer.name, await clusterLayer(prepared, spherical, ratio));
    }
  }
  await engine.release();
  for (const [ratio, compressed] of byRatio) {
    const { rewrite } = planRewrite(model, compressed);
    await model.rewrite(rewrite).write(join(home, `compressed-${ratio}.onnx`));
  }
}

async function makeFullSize(path) {
  const script = fileURLToPath(new URL('../../scripts/example-alexnet.mjs', import.meta.url));
  const folder = join(path, '..', 'generated');
  const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  await writeFile(path, await readFile(join(folder, 'alexnet.onnx')));
}
