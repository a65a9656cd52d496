/** What users hand in, and how: dropped, as folders, with data files beside, with names for classes; by the keyboard alone, on a phone. */
import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnxModel } from '@spherize/adapters-onnx/node';
import { describe, expect, test } from 'vitest';
import { CHROMIUM } from '../../../packages/adapters-onnx/test/browser/chromium.js';
import { withDataBeside } from '../../../packages/adapters-onnx/test/build-model.js';
import { spherize } from '../../cli/test/commands/spawn-spherize.js';
import { greyPicture } from './grey-picture.js';
import { pageDriver, SAMPLES } from './page-driver.js';

describe.skipIf(CHROMIUM === undefined)(`what is given to the page, in ${CHROMIUM}`, () => {
  const driver = pageDriver();

  /** Drops files and folders of the disk on the page, as a file manager does. */
  async function drop(...files: readonly string[]): Promise<void> {
    const session = await driver.context.newCDPSession(driver.page);
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await session.send('Input.dispatchDragEvent', {
        type,
        x: 200,
        y: 200,
        data: { items: [], files: [...files], dragOperationsMask: 1 },
      });
  }

  /** Until the model is read, or refused. @returns what the page says */
  async function answered(): Promise<string> {
    await driver.page.waitForFunction(() =>
      ['status', 'error'].some((id) => document.getElementById(id)!.textContent !== ''),
    );
    return driver.idle();
  }

  /** Stored in 8 bits and downloaded. */
  async function stored(): Promise<{ name: string; bytes: Uint8Array }> {
    await driver.page.check('input[name=reduce][value=none]');
    await driver.page.check('input[name=weights][value=int8]');
    expect(await driver.make()).toMatch(/^Done: /);
    return driver.downloaded();
  }

  test('a folder that is dropped, with a model and its data deep inside', async () => {
    const folder = join(driver.folder, 'dropped');
    await mkdir(join(folder, 'net/weights'), { recursive: true });
    const bytes = await readFile(join(SAMPLES, 'fashion.onnx'));
    const { model, data } = withDataBeside(bytes, 'weights/fashion.bin');
    await writeFile(join(folder, 'net/fashion.onnx'), model);
    await writeFile(join(folder, 'net/weights/fashion.bin'), data);
    await writeFile(join(folder, 'notes.txt'), 'not of the model');
    await driver.page.goto(driver.site.address);
    await drop(folder);
    expect(await answered()).toBe('fashion.onnx is read.');
    const made = await stored();
    expect(made.name).toBe('fashion.small.onnx');
    expect(onnxModel(made.bytes).parameters).toBe(onnxModel(bytes).parameters);
    // Dropped without its data it is refused, and what was there is gone.
    await drop(join(folder, 'net/fashion.onnx'));
    expect(await answered()).toMatch(/weights\/fashion\.bin/);
    expect(await driver.page.isVisible('#settings')).toBe(false);
  });

  test('files that are dropped, and a folder that is chosen', async () => {
    const folder = join(SAMPLES, 'fashion-tfjs');
    await driver.page.goto(driver.site.address);
    await drop(join(folder, 'model.json'), join(folder, 'group1-shard1of1.bin'));
    expect(await answered()).toBe('model.json is read.');
    const dropped = await stored();
    expect(dropped.name).toBe('model.small.zip');
    await driver.page.goto(driver.site.address);
    await driver.page.setInputFiles('#folder', folder);
    expect(await answered()).toBe('model.json is read.');
    expect(Buffer.compare((await stored()).bytes, dropped.bytes)).toBe(0);
  });

  test('files that are refused, in the words of the command', async () => {
    const folder = join(driver.folder, 'refused');
    await mkdir(folder);
    await writeFile(
      join(folder, 'broken.onnx'),
      (await readFile(join(SAMPLES, 'fashion.onnx'))).subarray(0, 5000),
    );
    await writeFile(join(folder, 'empty.json'), '{}');
    await cp(join(SAMPLES, 'fashion-tfjs/model.json'), join(folder, 'short.json'));
    await writeFile(join(folder, 'group1-shard1of1.bin'), 'short');
    await driver.page.goto(driver.site.address);
    for (const names of [['broken.onnx'], ['empty.json'], ['short.json', 'group1-shard1of1.bin']]) {
      await drop(...names.map((name) => join(folder, name)));
      await driver.page.waitForFunction(
        (name) => document.getElementById('error')!.textContent!.includes(name),
        names[0]!,
      );
      const { stderr } = await spherize(folder, 'inspect', names[0]!);
      expect(`spherize: ${await driver.page.textContent('#error')}\n`).toBe(stderr);
    }
  });

  test('files that are too large are refused by their sizes, none of them read', async () => {
    const folder = join(driver.folder, 'large');
    await mkdir(folder);
    // Holes: either could be read, both together not.
    for (const name of ['large.onnx', 'large.bin']) {
      await writeFile(join(folder, name), '');
      await truncate(join(folder, name), 1.25 * 2 ** 30);
    }
    await driver.page.goto(driver.site.address);
    await drop(join(folder, 'large.onnx'), join(folder, 'large.bin'));
    expect(await answered()).toBe(
      'the files are 2.5 GiB, and a page can take 2 GiB at most: use the command, spherize compress',
    );
    await drop(folder);
    expect(await answered()).toMatch(/^the files are 2.5 GiB/);
  });

  test('on a phone, by the keyboard alone; a picture is answered by names', async () => {
    await driver.page.setViewportSize({ width: 360, height: 740 });
    await driver.page.goto(driver.site.address);
    const { keyboard } = driver.page;
    const focused = () => driver.page.evaluate(() => document.activeElement!.id);
    /** Goes on to the element that this selector means. */
    const goTo = async (selector: string): Promise<void> => {
      for (let steps = 0; steps < 25; steps++) {
        if (await driver.page.evaluate((one) => document.activeElement!.matches(one), selector)) return;
        await keyboard.press('Tab');
      }
      expect(await focused()).toBe(selector);
    };
    const fits = async (): Promise<void> =>
      expect(await driver.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await fits();
    await goTo('[data-sample=onnx]');
    await keyboard.press('Enter');
    expect(await answered()).toBe('fashion.onnx is read.');
    expect(await focused()).toBe('model');
    await fits();
    await goTo('input[name=reduce]');
    await keyboard.press('ArrowDown');
    expect(await driver.page.isChecked('input[value=neurons]')).toBe(true);
    await goTo('#inputs summary');
    await keyboard.press('Enter');
    await goTo('#samples');
    await keyboard.press('Control+A');
    await keyboard.type('0');
    await goTo('#measure');
    await keyboard.press('Enter');
    expect(await driver.idle()).toBe('Measured. Choose a place on the curve.');
    expect(await focused()).toBe('slider');
    await keyboard.press('Home');
    await fits();
    await goTo('#compress');
    await keyboard.press('Enter');
    expect(await driver.idle()).toMatch(/^Done: /);
    expect(await focused()).toBe('result');
    await goTo('#download');
    const [file] = await Promise.all([driver.page.waitForEvent('download'), keyboard.press('Enter')]);
    expect(file.suggestedFilename()).toBe('fashion.small.onnx');
    await fits();
    // Names of classes, before and after the picture.
    const named = (lines: readonly string[]) =>
      driver.page.setInputFiles('#names', {
        name: 'labels.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from(lines.join('\n')),
      });
    const labels = Array.from({ length: 10 }, (_, i) => `thing ${i}`);
    await driver.page.setInputFiles('#picture', greyPicture(128));
    await driver.page.waitForSelector('#scores tbody tr');
    const first = driver.page.locator('#scores tbody tr').first().locator('td').first();
    const plain = (await first.textContent())!;
    expect(plain).toMatch(/^class \d$/);
    await named(labels);
    await driver.idle();
    expect(await first.textContent()).toBe(plain.replace('class', 'thing'));
    await fits();
    await named(labels.slice(1));
    expect(await answered()).toBe('labels.txt names 9 classes, but the model has 10 classes');
    await named(['shirt', 'shirt']);
    await driver.page.waitForFunction(() => document.getElementById('error')!.textContent!.includes('shirt'));
    expect(await driver.idle()).toBe(
      "labels.txt: lines 1 and 2 both say 'shirt'; expected one class name a line, in the model's order",
    );
  });
});
