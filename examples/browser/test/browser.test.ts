/** The page in a real browser: a model goes in, a smaller one comes out, and Node computes with it what the page did. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNodeBackend, tfjsFormat } from '@spherize/adapters-tfjs/node';
import type { Model } from '@spherize/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { Browser, Download, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CHROMIUM,
  launchChromium,
  type Site,
  serveFolder,
} from '../../../packages/adapters-onnx/test/browser/chromium.js';

/** float32 sums of another backend, or in another order. */
const DIGITS = 5;
const SHARD_BYTES = 3000;

interface Runs {
  inputs: { name: string; shape: number[]; data: number[] }[];
  before: { outputs: number[][] };
  after: { outputs: number[][] };
}

describe.skipIf(CHROMIUM === undefined)(`the page, in ${CHROMIUM}`, () => {
  let folder: string;
  let site: Site;
  let browser: Browser;
  let page: Page;
  let files: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spherize-browser-'));
    const root = fileURLToPath(new URL('..', import.meta.url));
    await build({
      root,
      logLevel: 'error',
      build: { outDir: join(folder, 'site'), chunkSizeWarningLimit: 5000 },
    });
    files = await writeModel(join(folder, 'site'));
    site = await serveFolder(join(folder, 'site'));
    browser = await launchChromium();
    page = await browser.newPage();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('compresses chosen files in a worker, and Node loads what it downloads', async () => {
    await page.goto(site.address);
    await page.setInputFiles('#files', files);
    await page.fill('#ratio', '0.5');
    await page.click('form button');
    const runs = await result(page);
    expect(await page.locator('#status').textContent()).toMatch(/^Done on tfjs-wasm: /);
    expect(await page.locator('#layers tr').count()).toBe(4);
    const target = await download(page, folder);

    const { model: before } = await tfjsFormat.read(files[0]!);
    const { model: after } = await tfjsFormat.read(target);
    expect(after.parameters).toBeLessThan(before.parameters);
    await expectOutputs(before, runs, runs.before.outputs);
    await expectOutputs(after, runs, runs.after.outputs);
  });

  test('compresses a model by its address to the same numbers', async () => {
    const chosen = await result(page);
    await page.goto(`${site.address}?model=model.json&ratio=0.5`);
    expect(await result(page)).toMatchObject({ after: { outputs: chosen.after.outputs } });
  });

  test('says what is wrong with the files', async () => {
    await page.goto(site.address);
    await page.setInputFiles('#files', files.slice(0, -1));
    await page.click('form button');
    await page.waitForFunction(() => /shard/.test(document.getElementById('status')!.textContent!));
    expect(await page.locator('#status').textContent()).toBe(
      `model.json: its shard '${files.at(-1)!.split('/').at(-1)}' is not among the files`,
    );
  });
});

/** A convolution, after which the order stays a gather, and dense layers into which it folds. */
async function writeModel(target: string): Promise<string[]> {
  await startNodeBackend();
  const initializer = (seed: number) => tfl.initializers.randomNormal({ stddev: 0.3, seed });
  const model = tfl.sequential({
    layers: [
      tfl.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 6,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: initializer(1),
      }),
      tfl.layers.flatten(),
      tfl.layers.dense({ name: 'fc1', units: 120, activation: 'relu', kernelInitializer: initializer(2) }),
      tfl.layers.dense({ name: 'fc2', units: 30, activation: 'relu', kernelInitializer: initializer(3) }),
      tfl.layers.dense({ name: 'fc3', units: 5, kernelInitializer: initializer(4) }),
    ],
  });
  const paths: string[] = [];
  const save = tf.io.withSaveHandler(async ({ weightData, weightSpecs, modelTopology, format }) => {
    const bytes = Buffer.concat([weightData!].flat().map((part) => new Uint8Array(part)));
    for (let at = 0; at < bytes.length; at += SHARD_BYTES) {
      paths.push(`group1-shard${paths.length + 1}.bin`);
      await writeFile(join(target, paths.at(-1)!), bytes.subarray(at, at + SHARD_BYTES));
    }
    const json = { format, modelTopology, weightsManifest: [{ paths, weights: weightSpecs }] };
    await writeFile(join(target, 'model.json'), JSON.stringify(json));
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
  });
  await model.save(save);
  return ['model.json', ...paths].map((name) => join(target, name));
}

async function result(page: Page): Promise<Runs> {
  await page.waitForFunction(() => !/^$|…$/.test(document.getElementById('status')!.textContent!));
  expect(await page.locator('#status').textContent()).toMatch(/^Done/);
  return JSON.parse((await page.getAttribute('body', 'data-runs'))!);
}

/** Downloads all files of the model, and returns the path of its model.json. */
async function download(page: Page, folder: string): Promise<string> {
  const found: Download[] = [];
  page.on('download', (one) => found.push(one));
  const last = page.waitForEvent('download', (one) => one.suggestedFilename() === 'model.json');
  await page.click('#download');
  await last;
  for (const one of found) await one.saveAs(join(folder, one.suggestedFilename()));
  return join(folder, 'model.json');
}

async function expectOutputs(model: Model, { inputs }: Runs, expected: readonly number[][]): Promise<void> {
  const session = await model.session();
  const feeds = Object.fromEntries(
    inputs.map(({ name, shape, data }) => [name, { shape, data: Float32Array.from(data) }]),
  );
  const outputs = Object.values(await session.run(feeds));
  await session.release();
  expect(outputs).toHaveLength(expected.length);
  outputs.forEach(({ data }, i) => {
    for (const [j, value] of data.entries()) expect(value).toBeCloseTo(expected[i]![j]!, DIGITS);
    expect(data).toHaveLength(expected[i]!.length);
  });
}
