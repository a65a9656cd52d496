/** `compress --report`: the page about a run. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, launchChromium } from '../../../../packages/adapters-onnx/test/browser/chromium.js';
import { writeRedundantFiles } from './redundant-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface Report {
  report: string;
  reductions: { width: string; from: number; to: number }[];
  outputError: number;
}

const SMALL = ['compress', 'redundant.onnx', '--ratio', '0.5', '--calibration-samples', '100'];
const NARROWED = [...SMALL, '--reduce', 'neurons'];
const LAPTOP = { width: 1280, height: 800 };

const folder = temporaryFolder();
writeRedundantFiles(folder);
const page = (name: string): string => readFileSync(join(folder, name), 'utf8');
/** A page without what differs from run to run. */
const untimed = (html: string): string =>
  html
    .replace(/<p class="sentence">.*?<\/p>/, '')
    .replace(/<tr><th scope="row">one run, median<\/th>.*?<\/tr>/, '')
    .replace(/<dt>seconds<\/dt><dd>[\d.]+<\/dd>/, '');

/** What the chart shows. */
function values(html: string): { megabytes: number; error: number; what: string; method: string }[] {
  const text = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!;
  const { charts } = JSON.parse(text) as { charts: { error: { data: { values?: object[] }[] }[] } };
  const all = charts.error[0]!.data.flatMap((source) => source.values ?? []);
  return all.filter((value) => 'what' in value) as ReturnType<typeof values>;
}

describe('a network with neurons that others can stand in for', () => {
  let report: Report;
  beforeAll(async () => {
    report = await spherizeJson<Report>(folder, ...NARROWED, '--report', 'run');
  });

  test('has a page in the folder, which opens with the sentence and the table', () => {
    expect(report.report).toBe(join('run', 'report.html'));
    const html = page('run/report.html');
    const order = [
      '<h1>redundant.onnx, compressed</h1>',
      '× smaller, ',
      '>before</th>',
      'multiply-accumulates per sample',
      'output error',
      'Output error over file size',
      'What was taken',
      'The run',
    ].map((text) => html.indexOf(text));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
    expect(html).toContain('spherize compress redundant.onnx');
    expect(html).not.toContain('--report');
  });

  test('draws the original, what was written, and other sizes: more taken, more error', () => {
    const points = new Map(values(page('run/report.html')).map((value) => [value.what, value]));
    const [original, half, chosen, more] = [
      'the original',
      '0.5 × as much taken',
      'what was written',
      '1.15 × as much taken',
    ].map((what) => points.get(what)!);
    expect(original!.error).toBe(0);
    expect(chosen!.error).toBeCloseTo(100 * report.outputError, 10);
    expect(original!.megabytes).toBeGreaterThan(half!.megabytes);
    expect(half!.megabytes).toBeGreaterThan(chosen!.megabytes);
    expect(chosen!.megabytes).toBeGreaterThan(more!.megabytes);
    expect(more!.error).toBeGreaterThan(chosen!.error);
  });

  test('draws columns beside neurons, each from the original on', () => {
    const columns = values(page('run/report.html')).filter(({ method }) => method === 'columns');
    const megabytes = new Map(columns.map((point) => [point.what, point.megabytes]));
    const others = ['0.5', '0.75', '1', '1.15'].map((times) => `columns, ${times} × as much taken`);
    expect([...megabytes.keys()].sort()).toEqual([...others, 'the original']);
    for (const what of others) expect(megabytes.get(what)!).toBeLessThan(megabytes.get('the original')!);
  });

  test('has a bar for each width', () => {
    const html = page('run/report.html');
    for (const { width, from, to } of report.reductions)
      expect(html).toMatch(
        new RegExp(
          `<th scope="row">${width}</th>.*width:${((100 * to) / from).toFixed(1)}%.*<td>${from}</td><td>${to}</td>`,
        ),
      );
  });

  test('is the same again, times apart, and as a file', async () => {
    await spherizeJson(folder, ...NARROWED, '--report', 'again.html');
    expect(untimed(page('again.html'))).toBe(untimed(page('run/report.html')));
  });

  test('says what layers lost, and what was left alone', async () => {
    const { code, stdout } = await spherize(folder, ...SMALL, '-o', 'half.onnx', '--report', 'half.html');
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nreport: half\.html\n$/);
    const html = page('half.html');
    expect(html).toContain('Layers with fewer columns');
    expect(html).toContain('folds into fc1');
  });
});

test('nothing to gain, no page', async () => {
  const { code } = await spherize(folder, 'compress', 'tight.onnx', '--report', 'tight');
  expect(code).toBe(0);
  expect(existsSync(join(folder, 'tight'))).toBe(false);
});

describe.skipIf(CHROMIUM === undefined)('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  test.each(['light', 'dark'] as const)(
    'is drawn, and no table is cut off on a laptop: %s',
    async (colorScheme) => {
      const tab = await browser.newPage({ colorScheme, viewport: LAPTOP });
      const problems: string[] = [];
      tab.on('console', (message) => problems.push(message.text()));
      tab.on('pageerror', (error) => problems.push(error.message));
      for (const name of ['run/report.html', 'half.html']) {
        await tab.goto(pathToFileURL(join(folder, name)).href);
        await tab.waitForSelector('#error svg');
        expect(await tab.locator('#error .mark-symbol path').count()).toBe(10);
        expect(
          await tab.evaluate(
            '[...document.querySelectorAll(".scroll")].filter((table) => table.scrollWidth > table.clientWidth).length',
          ),
        ).toBe(0);
        expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(LAPTOP.width);
      }
      expect(problems).toEqual([]);
      await tab.close();
    },
  );
});
