/** The page in a real browser, bundled as it is deployed: one bundle and one Chromium for all of it. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxBytes } from '@spherize/adapters-onnx';
import { onnxModel } from '@spherize/adapters-onnx/node';
import { tfjsFormat } from '@spherize/adapters-tfjs/node';
import { compressModel, portableEngine } from '@spherize/core';
import { outputFidelity, unseenInputs } from '@spherize/core/evaluation';
import { unzipSync, zipSync } from 'fflate';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  CHROMIUM,
  launchChromium,
  type Site,
  serveFolder,
} from '../../../packages/adapters-onnx/test/browser/chromium.js';
import { run } from '../../../packages/adapters-onnx/test/running.js';
import { ownScripts, zippedSize } from './own-size.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SAMPLES = join(ROOT, 'public/samples');
/** What the page's own code may take after gzip. */
const OWN_BYTES = 600_000;
/** Refits of tests take few inputs: they show that it works, not how well. */
const FEW = '60';

describe.skipIf(CHROMIUM === undefined)(`the page, in ${CHROMIUM}`, () => {
  let folder: string;
  let site: Site;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** Another origin, with what was asked of it. */
  let elsewhere: Server;
  const asked: string[] = [];
  /** All that went wrong on the page, and all that it asked for. */
  let problems: string[];
  let requests: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spherize-page-'));
    await build({ root: ROOT, logLevel: 'error', build: { outDir: join(folder, 'site') } });
    site = await serveFolder(join(folder, 'site'));
    elsewhere = createServer((request, response) => {
      asked.push(request.url!);
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end('here');
    });
    await new Promise<void>((ready) => elsewhere.listen(0, '127.0.0.1', ready));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    elsewhere?.close();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    problems = [];
    requests = [];
    context = await browser.newContext();
    // Against hanging, as in all tests: a busy machine takes its time.
    context.setDefaultTimeout(110_000);
    page = await context.newPage();
    context.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', ({ message }) => problems.push(message));
  });
  afterEach(async () => {
    await context.close();
    expect(problems).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(site.address) && !url.startsWith('blob:'))).toEqual([]);
  });

  /** Until nothing is at work. @returns what the page says */
  async function idle(): Promise<string> {
    await page.waitForFunction(() => document.getElementById('busy')!.hidden);
    return (await page.textContent('#status'))! + (await page.textContent('#error'))!;
  }

  async function openSample(name: 'onnx' | 'tfjs', query = ''): Promise<void> {
    await page.goto(`${site.address}${query}`);
    await page.click(`[data-sample=${name}]`);
    await page.waitForSelector('#settings:not([hidden])');
    await idle();
    await page.click('#inputs summary');
    await page.fill('#samples', FEW);
  }

  async function measure(): Promise<void> {
    await page.click('#measure');
    expect(await idle()).toBe('Measured. Choose a place on the curve.');
  }

  async function make(): Promise<string> {
    await page.click('#compress');
    return idle();
  }

  async function downloaded(): Promise<{ name: string; bytes: Uint8Array }> {
    const [file] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  }

  test('makes an ONNX model smaller, and what is downloaded runs in Node with the same outputs', async () => {
    await openSample('onnx');
    expect(await page.textContent('#facts')).toMatch(/fashion\.onnx: ONNX, 10\d kB[\s\S]*26,410/);
    expect(await page.textContent('#memory')).toMatch(/^Takes about [\d.]+ [kM]B of memory\.$/);
    await measure();
    await page.check('input[value=int8]');
    expect(await make()).toMatch(/^Done: 10\d kB → [\d.]+ kB, the same answer on [\d.]+ % of unseen inputs$/);
    const { name, bytes } = await downloaded();
    expect(name).toBe('fashion.small.onnx');
    const smaller = onnxModel(bytes);
    const original = onnxModel(await readFile(join(SAMPLES, 'fashion.onnx')));
    expect(smaller.parameters).toBeLessThan(original.parameters);
    expect(await page.textContent('#figures')).toContain(smaller.parameters.toLocaleString('en'));
    // Both models answer to a picture as they do in Node.
    await page.setInputFiles('#picture', {
      name: 'grey.bmp',
      mimeType: 'image/bmp',
      buffer: greyPicture(128),
    });
    await page.waitForSelector('#scores tbody tr');
    const shown = await page.locator('#scores tbody tr').first().locator('td').allTextContents();
    const pixels = new Float32Array(28 * 28).fill(128 / 255);
    for (const [i, model] of [original, smaller].entries()) {
      const { scores } = await run(model, { image: { shape: [1, 1, 28, 28], data: pixels } });
      const best = scores!.data.indexOf(Math.max(...scores!.data));
      expect(shown[2 * i]).toBe(`class ${best}`);
      expect(Number(shown[2 * i + 1])).toBeCloseTo(scores!.data[best]!, 2);
    }
  });

  test('makes a TensorFlow.js model from a zip smaller, and Node loads the zip that is downloaded', async () => {
    await page.goto(site.address);
    const files = await Promise.all(
      ['model.json', 'group1-shard1of1.bin'].map(async (name) => [
        `clothes/${name}`,
        new Uint8Array(await readFile(join(SAMPLES, 'fashion-tfjs', name))),
      ]),
    );
    const zip = zipSync(Object.fromEntries(files));
    await page.setInputFiles('#files', {
      name: 'clothes.zip',
      mimeType: 'application/zip',
      buffer: Buffer.from(zip),
    });
    await page.waitForSelector('#settings:not([hidden])');
    await idle();
    await page.check('input[value=neurons]');
    await page.click('#inputs summary');
    await page.fill('#samples', FEW);
    await measure();
    expect(await make()).toMatch(/^Done: /);
    const { name, bytes } = await downloaded();
    expect(name).toBe('model.small.zip');
    const target = join(folder, 'loaded');
    await mkdir(target);
    for (const [path, content] of Object.entries(unzipSync(bytes)))
      await writeFile(join(target, path), content);
    const { model: smaller } = await tfjsFormat.read(join(target, 'model.json'));
    const { model: original } = await tfjsFormat.read(join(SAMPLES, 'fashion-tfjs/model.json'));
    expect(smaller.parameters).toBeLessThan(original.parameters);
    const unseen = await unseenInputs(original, (await original.multiplyAccumulates?.()) ?? null, {
      seed: 0,
    });
    const { outputError, agreement } = await outputFidelity(original, smaller, unseen);
    const figures = (await page.textContent('#figures'))!;
    const shown = (name: string) => Number(new RegExp(`${name}([\\d.]+) %`).exec(figures)![1]) / 100;
    expect(shown('output error')).toBeCloseTo(outputError!, 3);
    expect(shown('same answer')).toBeCloseTo(agreement!, 2);
  });

  test('gives the bytes that the library gives in Node, by the recipe that it shows', async () => {
    await openSample('onnx', '?engine=portable');
    await page.fill('#samples', '0');
    await page.check('input[value=neurons]');
    await page.check('input[value=float16]');
    await measure();
    expect(await make()).toMatch(/^Done: /);
    const recipe = (await page.textContent('#recipe'))!;
    const [, ratios] =
      /^spherize compress fashion\.onnx -o fashion\.small\.onnx --reduce neurons --ratio (\S+) --round-to 8 --weights float16 --calibrate none$/.exec(
        recipe,
      ) ?? [];
    expect(ratios, recipe).toBeDefined();
    const ratio = Object.fromEntries(
      ratios!.split(',').map((item) => [item.split('=')[0]!, Number(item.split('=')[1])]),
    );
    const { model } = await compressModel(onnxModel(await readFile(join(SAMPLES, 'fashion.onnx'))), {
      reduce: 'neurons',
      ratio,
      roundTo: 8,
      storage: 'float16',
      calibration: 'none',
      engine: portableEngine,
    });
    const { bytes } = await downloaded();
    expect(Buffer.compare(bytes, onnxBytes(model))).toBe(0);
  });

  test('is cancelled at any time, and usable afterwards', async () => {
    await openSample('onnx');
    await page.fill('#samples', '5000');
    await page.click('#measure');
    await page.waitForSelector('#busy:not([hidden])');
    await page.click('#cancel');
    expect(await idle()).toBe('Cancelled.');
    expect(await page.isVisible('#result')).toBe(false);
    await page.fill('#samples', '0');
    await page.check('input[value=none]');
    await page.check('input[value=int8]');
    expect(await make()).toMatch(/^Done: /);
    expect(await page.textContent('#recipe')).toBe(
      'spherize compress fashion.onnx -o fashion.small.onnx --reduce none --weights int8',
    );
  });

  test('says what is wrong with files, in the words of the library', async () => {
    await page.goto(site.address);
    const given = async (files: Record<string, Uint8Array>): Promise<string> => {
      await page.setInputFiles(
        '#files',
        Object.entries(files).map(([name, bytes]) => ({
          name,
          mimeType: 'application/octet-stream',
          buffer: Buffer.from(bytes),
        })),
      );
      await page.waitForFunction(() => document.getElementById('error')!.textContent !== '');
      return (await page.textContent('#error'))!;
    };
    const broken = (await readFile(join(SAMPLES, 'fashion.onnx'))).subarray(0, 5000);
    let wanted = '';
    try {
      onnxModel(broken, { source: 'broken.onnx' });
    } catch (error) {
      wanted = (error as Error).message;
    }
    expect(wanted).toMatch(/broken\.onnx/);
    expect(await given({ 'broken.onnx': broken })).toBe(wanted);
    expect(await given({ 'notes.txt': new Uint8Array(3) })).toBe(
      'there is no .onnx file and no model.json among the files: choose a model with all of its files',
    );
    expect(await given({ 'broken.zip': broken })).toBe(
      'broken.zip is not read: it is no zip, or damaged; pack or fetch it again',
    );
    const json = await readFile(join(SAMPLES, 'fashion-tfjs/model.json'));
    expect(await given({ 'model.json': json })).toBe(
      "model.json: its shard 'group1-shard1of1.bin' is not among the files",
    );
    expect(await page.isVisible('#settings')).toBe(false);
  });

  test('connects to nothing else, neither the page nor its worker', async () => {
    await openSample('onnx');
    const address = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    const connect = (url: string) =>
      fetch(url).then(
        () => 'connected',
        () => 'blocked',
      );
    expect(page.workers()).toHaveLength(1);
    expect(await page.evaluate(connect, address)).toBe('blocked');
    expect(await page.workers()[0]!.evaluate(connect, address)).toBe('blocked');
    expect(asked).toEqual([]);
    // Chromium reports what it blocked, and nothing else was.
    expect(problems.every((problem) => problem.includes(address))).toBe(true);
    problems = [];
    requests = requests.filter((url) => url !== address);
  });

  test.each(['light', 'dark'] as const)('is accessible, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const violations = async (): Promise<string[]> => {
      // Evaluated by the browser's debugger, which the page's policy does not bind.
      await page.evaluate(axe);
      return page.evaluate(async () => {
        const { axe } = globalThis as unknown as {
          axe: {
            run(): Promise<{
              violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
            }>;
          };
        };
        return (await axe.run()).violations.map(
          ({ id, nodes }) => `${id}: ${nodes[0]!.html}: ${nodes[0]!.failureSummary}`,
        );
      });
    };
    await openSample('onnx');
    // With its style, without which there are no colours to look at.
    expect(await page.evaluate(() => getComputedStyle(document.body).maxWidth)).toBe('832px');
    expect(await violations()).toEqual([]);
    await page.fill('#samples', '0');
    await measure();
    expect(await make()).toMatch(/^Done: /);
    expect(await violations()).toEqual([]);
    // One goes from the slider to the button by the keyboard alone.
    await page.focus('#slider');
    const before = await page.textContent('#expected');
    await page.keyboard.press('Home');
    expect(await page.textContent('#expected')).not.toBe(before);
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement!.id)).toBe('compress');
  });

  test('its own code is small', async () => {
    const scripts = await ownScripts(join(folder, 'site/assets'));
    expect(scripts.length).toBeGreaterThan(2);
    expect(await zippedSize(scripts)).toBeLessThan(OWN_BYTES);
  });
});

/** A BMP file of four pixels alike. */
function greyPicture(value: number): Buffer {
  const file = Buffer.alloc(70, value);
  file.fill(0, 0, 54);
  file.write('BM');
  file.writeUInt32LE(70, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(2, 18);
  file.writeInt32LE(2, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  return file;
}
