/** The entry for browsers in a real one: bundled as applications are, with threads where the page is isolated and without. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compressModel, portableEngine, type Tensor } from '@spherize/core';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onnxBytes } from '../../src/index.js';
import { onnxModel } from '../../src/node.js';
import { expectClose, run } from '../running.js';
import { smallModel } from '../small-models.js';
import { CHROMIUM, launchChromium, serveFolder } from './chromium.js';
import type { Compress, Given, Made } from './page.js';

/** Makes a page `crossOriginIsolated`, which memory that threads share asks for. */
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};
const IMAGE: Tensor = { shape: [2, 1, 6, 6], data: Float32Array.from({ length: 72 }, (_, i) => Math.sin(i)) };

describe.skipIf(CHROMIUM === undefined)(`in ${CHROMIUM}`, () => {
  const bytes = smallModel();
  let folder: string;
  let browser: Browser;
  /** Compressed in Node, on the native runtime. */
  let wanted: { bytes: Uint8Array; scores: Tensor };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spherize-web-'));
    await build({
      root: fileURLToPath(new URL('.', import.meta.url)),
      base: './',
      configFile: false,
      logLevel: 'error',
      build: { outDir: folder },
    });
    browser = await launchChromium();
    const recipe = { ratio: 0.5, seed: 1, engine: portableEngine };
    const { model } = await compressModel(onnxModel(bytes), recipe);
    wanted = { bytes: onnxBytes(model), scores: (await run(model, { image: IMAGE })).scores! };
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ['a plain page', {}, 0],
    ['an isolated page', ISOLATION, 1],
  ])('%s compresses to the bytes that Node gives, and runs them', async (_, headers, threads) => {
    const site = await serveFolder(folder, headers);
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(site.address);
    const given: Given = { bytes: [...bytes], input: 'image', shape: IMAGE.shape, values: [...IMAGE.data] };
    const made = await page.evaluate<Made, Given>(
      (one) => (globalThis as unknown as { compress: Compress }).compress(one),
      given,
    );
    expect(problems).toEqual([]);
    expect(made.isolated).toBe(threads > 0);
    // Beside the page's own.
    expect(page.workers()).toHaveLength(threads);
    expect(Uint8Array.from(made.bytes)).toEqual(new Uint8Array(wanted.bytes));
    expectClose({ shape: [2, 6], data: Float32Array.from(made.outputs.scores!) }, wanted.scores);
    await page.close();
    await site.close();
  });
});
