/** The report as a reader sees it, in a real browser. Skipped where there is none. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, launchChromium } from '../../../../packages/adapters-onnx/test/browser/chromium.js';
import { reportCharts } from '../../src/report/charts.js';
import { accuracySpecification } from '../../src/report/plot.js';
import { reportPage } from '../../src/report/report-page.js';
import { HOSTILE, sampleResults } from './sample-results.js';

const RECIPE = { $schema: '', command: 'sweep', model: `it's ${HOSTILE}`, ratios: [0.5, 0.7] };
const PHONE = 375;

test('the same results give the same bytes, and the figure of accuracy.svg', async () => {
  const results = sampleResults();
  expect(await reportPage(results, RECIPE)).toBe(await reportPage(results, RECIPE));
  const [accuracy] = reportCharts(results);
  expect(accuracy!.specification(3)).toEqual(accuracySpecification(results));
});

test('results without sizes, times and layers have a report with the first plot', async () => {
  const { baseline, ...results } = sampleResults();
  const rows = results.rows.map(({ bytes, latency, layers, ...row }) => row);
  const { bytes, ...rest } = baseline;
  expect(reportCharts({ ...results, baseline: rest, rows }).map(({ id }) => id)).toEqual(['accuracy']);
  expect(await reportPage({ ...results, baseline: rest, rows }, undefined)).toContain('All figures');
});

test('opens with the smallest setting that loses at most a point, and the model before and after', async () => {
  const results = sampleResults();
  const rows = results.rows.map((row) =>
    row.ratio === 0.5 && row.clusterer === 'spherical' ? { ...row, top1: 0.895 } : row,
  );
  const html = await reportPage({ ...results, rows }, RECIPE);
  const [sentence, table] = [
    'loses at most a point of accuracy: spherical (lloyd) at ρ = 0.5: 2.0 × smaller, top-1 90.00 % → 89.50 %.',
    '<td>4.0 MB</td><td>2.0 MB</td><td>2.00×</td>',
  ].map((text) => html.indexOf(text));
  expect(sentence).toBeGreaterThan(html.indexOf('<h1>'));
  expect(table).toBeGreaterThan(sentence!);
  expect(html.indexOf('id="legend"')).toBeGreaterThan(table!);
});

interface Opened {
  readonly page: Page;
  readonly problems: readonly string[];
}

describe.skipIf(CHROMIUM === undefined)('in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spherize-report-'));
  const plain = join(folder, 'plain.html');
  const hostile = join(folder, 'hostile.html');
  let browser: Browser;
  /** The plain report on a wide screen, light and dark: drawing it takes longer than what most tests do with it. */
  const screens = {} as Record<'light' | 'dark', Opened>;

  beforeAll(async () => {
    writeFileSync(plain, await reportPage(sampleResults(), RECIPE));
    writeFileSync(hostile, await reportPage(sampleResults(HOSTILE), RECIPE));
    browser = await launchChromium();
    for (const colorScheme of ['light', 'dark'] as const)
      screens[colorScheme] = await open(plain, { colorScheme });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a report; anything that goes wrong in it is in `problems`. */
  async function open(
    file: string,
    options: { colorScheme?: 'light' | 'dark'; width?: number } = {},
  ): Promise<Opened> {
    const { colorScheme = 'light', width = 1100 } = options;
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 } });
    const problems: string[] = [];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(file).href) problems.push(`asks for ${request.url()}`);
    });
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('#layers svg');
    return { page, problems };
  }
  const points = (page: Page): Promise<number> => page.locator('#accuracy .mark-symbol path').count();

  test.each(['light', 'dark'] as const)(
    'draws all plots without asking for anything, %s',
    async (colorScheme) => {
      const { page, problems } = screens[colorScheme];
      for (const id of ['accuracy', 'bytes', 'latency', 'layers'])
        expect(await page.locator(`#${id} .mark-symbol path`).count()).toBeGreaterThan(5);
      // Two methods at two sparsities: three ratios and the start of the line.
      expect(await points(page)).toBe(16);
      /** The red part of a colour: of greys, how light they are. */
      const lightness = async (selector: string, property: string): Promise<number> => {
        const colour = await page.evaluate<string>(
          `getComputedStyle(document.querySelector('${selector}')).getPropertyValue('${property}')`,
        );
        return Number(/\d+/.exec(colour)![0]);
      };
      const [text, behind] = [
        await lightness('#accuracy text', 'fill'),
        await lightness('body', 'background-color'),
      ];
      expect(Math.abs(text - behind)).toBeGreaterThan(150);
      expect(behind > 128).toBe(colorScheme === 'light');
      expect(problems).toEqual([]);
    },
  );

  test('fits a phone: only plots and tables may be scrolled sideways', async () => {
    const { page, problems } = await open(plain, { width: PHONE });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE);
    const plot = (await page.locator('#accuracy svg').boundingBox())!;
    expect(plot.width).toBeLessThanOrEqual(PHONE);
    expect(problems).toEqual([]);
    await page.close();
  });

  test('shows every column of its tables on a laptop, however many layers there are', async () => {
    const results = sampleResults();
    const layers = Array.from({ length: 20 }, (_, i) => `features.${i}.block.conv`);
    const rows = results.rows.map((row) => ({
      ...row,
      layers: layers.map((name) => ({ name, clusters: 10, ratio: row.ratio, relativeError: row.ratio })),
    }));
    const wide = join(folder, 'wide.html');
    writeFileSync(wide, await reportPage({ ...results, layers, rows }, RECIPE));
    const { page } = await open(wide, { width: 1280 });
    expect(
      await page.evaluate(
        '[...document.querySelectorAll(".scroll")].filter((table) => table.scrollWidth > table.clientWidth).length',
      ),
    ).toBe(0);
    await page.close();
  });

  test('is printed light, whatever the screen is', async () => {
    const { page } = screens.dark;
    await page.emulateMedia({ media: 'print' });
    expect((await page.pdf()).length).toBeGreaterThan(20_000);
    expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(0, 0, 0)');
    await page.emulateMedia({ media: 'screen' });
  });

  test('says the figures of a point that is pointed at', async () => {
    const { page } = screens.light;
    await page.locator('#accuracy .mark-symbol path').last().hover();
    const tooltip = page.locator('#vg-tooltip-element');
    await tooltip.waitFor({ state: 'visible' });
    expect(await tooltip.textContent()).toMatch(/spherical \(lloyd\).*top-1.*81.00.*file/);
  });

  test('the keyboard reaches the legend, which switches a method off and on in every plot', async () => {
    const { page } = screens.light;
    await page.keyboard.press('Tab');
    const button = page.locator('#legend button').first();
    expect(await page.evaluate('document.activeElement.dataset.method')).toBe('kmeans (lloyd)');
    await page.keyboard.press('Space');
    expect(await button.getAttribute('aria-pressed')).toBe('false');
    expect(await points(page)).toBe(8);
    await page.keyboard.press('Enter');
    expect(await button.getAttribute('aria-pressed')).toBe('true');
    expect(await points(page)).toBe(16);
  });

  test('names from models and data are text, whatever they say', async () => {
    const { page, problems } = await open(hostile);
    expect(await page.evaluate('window.broken')).toBeUndefined();
    expect(await page.locator('h1').textContent()).toContain(HOSTILE);
    expect(await page.locator('pre').textContent()).toContain("'it'\\''s");
    await page.locator('#layers .mark-symbol path').last().hover();
    await page.locator('#vg-tooltip-element').waitFor({ state: 'visible' });
    expect(await page.evaluate('window.broken')).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });
});
