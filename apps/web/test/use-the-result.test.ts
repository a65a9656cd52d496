/** What `docs/deploy-the-page.md` shows of using a smaller model: its very code, on what the command made of the samples, and a picture of clothes. */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxModel } from '@spherize/adapters-onnx/node';
import { tfjsFormat } from '@spherize/adapters-tfjs/node';
import type { Tensor } from '@spherize/core';
import { build } from 'vite';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  CHROMIUM,
  launchChromium,
  serveFolder,
} from '../../../packages/adapters-onnx/test/browser/chromium.js';
import { renamed } from '../../../packages/adapters-onnx/test/build-model.js';
import { run } from '../../../packages/adapters-onnx/test/running.js';
import { openDataset } from '../../cli/src/data/open-dataset.js';
import { spherize, temporaryFolder } from '../../cli/test/commands/spawn-spherize.js';
import { SAMPLES } from './page-driver.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Of what is no TypeScript. */
const { codeBlocks } = await import(join(ROOT, 'scripts/documentation/code-blocks.mjs'));
const SIDE = 28;
const CLASSES = 10;

/** A project with the packages that the document's code imports, and `picture.png`. */
const project = temporaryFolder();
/** The picture, in [0, 1]. */
let pixels: Tensor['data'];

beforeAll(async () => {
  for (const name of ['@tensorflow/tfjs', '@huggingface/transformers']) {
    const link = join(project, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(ROOT, 'apps/web/node_modules', name), link);
  }
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const data = await openDataset('fashion-mnist', { sampleShape: [1, SIDE, SIDE] });
  const { inputs } = await data.batch([0]);
  pixels = Object.values(inputs)[0]!.data;
  const sharp = createRequire(join(ROOT, 'apps/cli/package.json'))('sharp');
  const raw = { width: SIDE, height: SIDE, channels: 1 };
  await sharp(
    Uint8Array.from(pixels, (value) => Math.round(255 * value)),
    { raw },
  )
    .toColourspace('b-w')
    .png()
    .toFile(join(project, 'picture.png'));
});

/** The document's code that imports a package. */
async function codeWith(name: string): Promise<string> {
  const document = await readFile(join(ROOT, 'docs/deploy-the-page.md'), 'utf8');
  const blocks: { code: string }[] = codeBlocks(document);
  const found = blocks.filter(({ code }) => code.includes(`from '${name}'`));
  expect(found).toHaveLength(1);
  return found[0]!.code;
}

async function compressed(folder: string, ...words: readonly string[]): Promise<void> {
  const { code, stderr } = await spherize(folder, 'compress', ...words, '--weights', 'int8');
  expect([code, stderr]).toEqual([0, '']);
}

function best(scores: ArrayLike<number>): number {
  return Array.from(scores).indexOf(Math.max(...Array.from(scores)));
}

describe.skipIf(CHROMIUM === undefined)(`in ${CHROMIUM}`, () => {
  test('TensorFlow.js loads the smaller model in a page, and says what it says in Node', async () => {
    const page = join(project, 'page');
    await mkdir(join(page, 'public/small'), { recursive: true });
    await cp(join(SAMPLES, 'fashion-tfjs'), join(page, 'sample'), { recursive: true });
    await compressed(page, 'sample/model.json', '-o', 'public/small/model.json', '--ratio', '0.3');
    await cp(join(project, 'picture.png'), join(page, 'public/picture.png'));
    await writeFile(join(page, 'example.js'), await codeWith('@tensorflow/tfjs'));
    await writeFile(
      join(page, 'index.html'),
      '<!doctype html><img src="/picture.png" alt=""><script type="module" src="./example.js"></script>',
    );
    const outDir = join(project, 'site');
    await build({ root: page, logLevel: 'error', build: { outDir, target: 'es2023', minify: false } });
    const site = await serveFolder(outDir);
    const browser = await launchChromium();
    let said: string;
    try {
      const tab = await browser.newPage();
      const answer = tab.waitForEvent('console', (message) => message.type() === 'log');
      await tab.goto(site.address);
      said = (await answer).text();
    } finally {
      await browser.close();
      await site.close();
    }
    const { model } = await tfjsFormat.read(join(page, 'public/small/model.json'));
    const [input] = model.inputs;
    const { [model.outputs[0]!.name]: scores } = await run(model, {
      [input!.name]: { shape: [1, SIDE, SIDE, 1], data: pixels },
    });
    expect(said).toBe(`class ${best(scores!.data)}`);
  });
});

test('a pipeline of transformers.js takes the smaller model, and gives its scores', async () => {
  const folder = join(project, 'models/clothes');
  await mkdir(join(folder, 'onnx'), { recursive: true });
  const labels = Array.from({ length: CLASSES }, (_, i) => [i, `thing ${i}`]);
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({ model_type: 'resnet', id2label: Object.fromEntries(labels) }),
  );
  await writeFile(
    join(folder, 'preprocessor_config.json'),
    JSON.stringify({
      image_processor_type: 'ViTFeatureExtractor',
      do_convert_rgb: false,
      do_normalize: false,
      size: { height: SIDE, width: SIDE },
    }),
  );
  // Its tensors are called as transformers' exporters do.
  const sample = await readFile(join(SAMPLES, 'fashion.onnx'));
  await writeFile(
    join(folder, 'onnx/model.onnx'),
    renamed(sample, { image: 'pixel_values', scores: 'logits' }),
  );
  await compressed(join(folder, 'onnx'), 'model.onnx', '--ratio', '0.3');
  // Only the smaller model is there.
  await rm(join(folder, 'onnx/model.onnx'));
  await writeFile(join(project, 'example.js'), await codeWith('@huggingface/transformers'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['example.js'], {
    cwd: project,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  const [, label, score] = /label: 'thing (\d)', score: ([\d.]+)/.exec(stdout)!;
  const model = onnxModel(await readFile(join(folder, 'onnx/model.small.onnx')));
  const { logits } = await run(model, { pixel_values: { shape: [1, 1, SIDE, SIDE], data: pixels } });
  expect(Number(label)).toBe(best(logits!.data));
  const most = Math.max(...logits!.data);
  const sum = Array.from(logits!.data).reduce((total, logit) => total + Math.exp(logit - most), 0);
  expect(Number(score)).toBeCloseTo(1 / sum, 4);
});
