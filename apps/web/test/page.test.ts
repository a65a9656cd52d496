/** The page, step by step, as a user goes through it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onnxModel } from '@spherize/adapters-onnx/node';
import { tfjsFormat } from '@spherize/adapters-tfjs/node';
import { DEFAULT_MAX_ERROR, lightestStorage } from '@spherize/core/allocation';
import { outputFidelity, recordOutputs, unseenInputs } from '@spherize/core/evaluation';
import { unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM } from '../../../packages/adapters-onnx/test/browser/chromium.js';
import { run } from '../../../packages/adapters-onnx/test/running.js';
import { greyPicture } from './grey-picture.js';
import { ownScripts, zippedSize } from './own-size.js';
import { FEW, pageDriver, SAMPLES } from './page-driver.js';

/** What the page's own code may take after gzip. */
const OWN_BYTES = 600_000;
/** By how much sizes between those that are known may differ from what is written. */
const NEAR = 0.05;

describe.skipIf(CHROMIUM === undefined)(`the page, in ${CHROMIUM}`, () => {
  const driver = pageDriver();
  /** Another origin, with what was asked of it. */
  let elsewhere: Server;
  const asked: string[] = [];

  beforeAll(async () => {
    elsewhere = createServer((request, response) => {
      asked.push(request.url!);
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end('here');
    });
    await new Promise<void>((ready) => elsewhere.listen(0, '127.0.0.1', ready));
  });
  afterAll(() => {
    elsewhere?.close();
  });

  test('makes an ONNX model smaller, and what is downloaded runs in Node with the same outputs', async () => {
    await driver.openSample('onnx');
    expect(await driver.page.textContent('#facts')).toMatch(/fashion\.onnx: ONNX, 10\d kB[\s\S]*26,410/);
    expect(await driver.page.textContent('#memory')).toMatch(/^Takes about [\d.]+ [kM]B of memory\.$/);
    await driver.measure();
    await driver.page.check('input[value=int8]');
    expect(await driver.make()).toMatch(
      /^Done: 10\d kB → [\d.]+ kB, the same answer on [\d.]+ % of unseen inputs$/,
    );
    const { name, bytes } = await driver.downloaded();
    expect(name).toBe('fashion.small.onnx');
    const smaller = onnxModel(bytes);
    const original = onnxModel(await readFile(join(SAMPLES, 'fashion.onnx')));
    expect(smaller.parameters).toBeLessThan(original.parameters);
    expect(await driver.page.textContent('#figures')).toContain(smaller.parameters.toLocaleString('en'));
    // Both models answer to a picture as they do in Node.
    await driver.page.setInputFiles('#picture', greyPicture(128));
    await driver.page.waitForSelector('#scores tbody tr');
    const shown = await driver.page.locator('#scores tbody tr').first().locator('td').allTextContents();
    const pixels = new Float32Array(28 * 28).fill(128 / 255);
    for (const [i, model] of [original, smaller].entries()) {
      const { scores } = await run(model, { image: { shape: [1, 1, 28, 28], data: pixels } });
      const best = scores!.data.indexOf(Math.max(...scores!.data));
      expect(shown[2 * i]).toBe(`class ${best}`);
      expect(Number(shown[2 * i + 1])).toBeCloseTo(scores!.data[best]!, 2);
    }
  });

  test('makes a TensorFlow.js model from a zip smaller, and Node loads the zip that is downloaded', async () => {
    await driver.page.goto(driver.site.address);
    const files = await Promise.all(
      ['model.json', 'group1-shard1of1.bin'].map(async (name) => [
        `clothes/${name}`,
        new Uint8Array(await readFile(join(SAMPLES, 'fashion-tfjs', name))),
      ]),
    );
    const zip = zipSync(Object.fromEntries(files));
    await driver.page.setInputFiles('#files', {
      name: 'clothes.zip',
      mimeType: 'application/zip',
      buffer: Buffer.from(zip),
    });
    await driver.page.waitForSelector('#settings:not([hidden])');
    await driver.idle();
    await driver.page.check('input[value=neurons]');
    await driver.takeSamples(FEW);
    await driver.measure();
    expect(await driver.make()).toMatch(/^Done: /);
    const { name, bytes } = await driver.downloaded();
    expect(name).toBe('model.small.zip');
    const target = join(driver.folder, 'loaded');
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
    const figures = (await driver.page.textContent('#figures'))!;
    const shown = (name: string) => Number(new RegExp(`${name}([\\d.]+) %`).exec(figures)![1]) / 100;
    expect(shown('output error')).toBeCloseTo(outputError!, 3);
    expect(shown('same answer')).toBeCloseTo(agreement!, 2);
  });

  test.each([
    ['onnx', 'neurons'],
    ['onnx', 'columns'],
    ['onnx', 'both'],
    ['tfjs', 'neurons'],
  ] as const)(
    '%s, %s: what is written is about as large as the slider says, in any storage',
    async (format, reduce) => {
      await driver.openSample(format);
      await driver.takeSamples(0);
      await driver.page.check(`input[value=${reduce}]`);
      await driver.measure();
      const bytesIn = (text: string | null): number => {
        const [, value, unit] = /([\d.]+) (bytes|kB)/.exec(text!)!;
        return Number(value) * (unit === 'kB' ? 1000 : 1);
      };
      const smallest: number[] = [];
      for (const storage of ['', 'float16', 'int8']) {
        await driver.page.check(`input[name=weights][value='${storage}']`);
        for (const place of ['Home', 'PageUp']) {
          await driver.page.focus('#slider');
          await driver.page.keyboard.press(place);
          const said = bytesIn(await driver.page.textContent('#expected'));
          if (place === 'Home') smallest.push(said);
          expect(await driver.make()).toMatch(/^Done: /);
          const written = bytesIn(
            await driver.page.locator('#figures tbody tr').first().locator('td').nth(1).textContent(),
          );
          expect(Math.abs(said / written - 1)).toBeLessThan(NEAR);
        }
        // The curve is drawn by the same sizes.
        expect(bytesIn((await driver.page.getAttribute('#plot', 'aria-label'))!.split(' at ')[1]!)).toBe(
          smallest.at(-1),
        );
      }
      expect(smallest).toEqual([...smallest].sort((a, b) => b - a));
    },
  );

  test('weights are stored as the command would, until somebody says how', async () => {
    const stored = (): Promise<string> => driver.page.inputValue('input[name=weights]:checked');
    await driver.openSample('onnx');
    await driver.takeSamples(0);
    await driver.page.check('input[value=neurons]');
    expect(await stored()).toBe('');
    await driver.measure();
    const model = onnxModel(await readFile(join(SAMPLES, 'fashion.onnx')));
    const unseen = await unseenInputs(model, (await model.multiplyAccumulates?.()) ?? null, { seed: 1 });
    const lightest = await lightestStorage(model, await recordOutputs(model, unseen), DEFAULT_MAX_ERROR);
    expect(lightest).toBeDefined();
    expect(await stored()).toBe(lightest);
    await driver.page.check('input[value=float32]');
    await driver.page.check('input[value=columns]');
    await driver.measure();
    expect(await stored()).toBe('float32');
  });

  test('is cancelled at any time, and usable afterwards', async () => {
    await driver.openSample('onnx');
    await driver.takeSamples(5000);
    await driver.page.click('#measure');
    await driver.page.waitForSelector('#busy:not([hidden])');
    await driver.page.click('#cancel');
    expect(await driver.idle()).toBe('Cancelled.');
    expect(await driver.page.isVisible('#result')).toBe(false);
    await driver.takeSamples(0);
    await driver.page.check('input[value=none]');
    await driver.page.check('input[value=int8]');
    expect(await driver.make()).toMatch(/^Done: /);
    expect(await driver.page.textContent('#recipe')).toBe(
      'spherize compress fashion.onnx --reduce none --weights int8',
    );
  });

  test('says what is wrong with files', async () => {
    await driver.page.goto(driver.site.address);
    const given = async (files: Record<string, Uint8Array>): Promise<string> => {
      await driver.page.setInputFiles(
        '#files',
        Object.entries(files).map(([name, bytes]) => ({
          name,
          mimeType: 'application/octet-stream',
          buffer: Buffer.from(bytes),
        })),
      );
      await driver.page.waitForFunction(() => document.getElementById('error')!.textContent !== '');
      return (await driver.page.textContent('#error'))!;
    };
    const broken = (await readFile(join(SAMPLES, 'fashion.onnx'))).subarray(0, 5000);
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
    expect(await driver.page.isVisible('#settings')).toBe(false);
  });

  test('connects to nothing else, neither the page nor its worker', async () => {
    await driver.openSample('onnx');
    const address = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    const connect = (url: string) =>
      fetch(url).then(
        () => 'connected',
        () => 'blocked',
      );
    expect(driver.page.workers()).toHaveLength(1);
    expect(await driver.page.evaluate(connect, address)).toBe('blocked');
    expect(await driver.page.workers()[0]!.evaluate(connect, address)).toBe('blocked');
    expect(asked).toEqual([]);
    // Chromium reports what it blocked, and nothing else was.
    expect(driver.problems.every((problem) => problem.includes(address))).toBe(true);
    driver.problems = [];
    driver.requests = driver.requests.filter((url) => url !== address);
  });

  test.each(['light', 'dark'] as const)('is accessible, %s', async (colorScheme) => {
    await driver.page.emulateMedia({ colorScheme });
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const violations = async (): Promise<string[]> => {
      // Evaluated by the browser's debugger, which the page's policy does not bind.
      await driver.page.evaluate(axe);
      return driver.page.evaluate(async () => {
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
    await driver.openSample('onnx');
    // With its style, without which there are no colours to look at.
    expect(await driver.page.evaluate(() => getComputedStyle(document.body).maxWidth)).toBe('832px');
    expect(await violations()).toEqual([]);
    await driver.takeSamples(0);
    await driver.measure();
    expect(await driver.make()).toMatch(/^Done: /);
    expect(await violations()).toEqual([]);
    // One goes from the slider to the button by the keyboard alone.
    await driver.page.focus('#slider');
    const before = await driver.page.textContent('#expected');
    await driver.page.keyboard.press('Home');
    expect(await driver.page.textContent('#expected')).not.toBe(before);
    await driver.page.keyboard.press('Tab');
    expect(await driver.page.evaluate(() => document.activeElement!.id)).toBe('compress');
  });

  test('its own code is small', async () => {
    const scripts = await ownScripts(join(driver.folder, 'site/assets'));
    expect(scripts.length).toBeGreaterThan(2);
    expect(await zippedSize(scripts)).toBeLessThan(OWN_BYTES);
  });
});
