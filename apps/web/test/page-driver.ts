/** The page in a real browser, bundled as it is deployed: one bundle and one Chromium for a test file, and a tab of its own for each test. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import {
  launchChromium,
  type Site,
  serveFolder,
} from '../../../packages/adapters-onnx/test/browser/chromium.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Where the sample models lie. */
export const SAMPLES: string = join(ROOT, 'public/samples');
/** Refits of tests take few inputs: they show that it works, not how well. */
export const FEW = 60;

/** A file as a user has it. */
export interface GivenFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What tests do with the page. */
export class PageDriver {
  /** The bundle lies in its folder `site`. */
  folder!: string;
  site!: Site;
  browser!: Browser;
  context!: BrowserContext;
  page!: Page;
  /** All that went wrong on the page, and all that it asked for. */
  problems: string[] = [];
  requests: string[] = [];

  /** Until nothing is at work. @returns what the page says */
  async idle(): Promise<string> {
    await this.page.waitForFunction(() => document.getElementById('busy')!.hidden);
    return (await this.page.textContent('#status'))! + (await this.page.textContent('#error'))!;
  }

  /** Chooses files in the page's dialog. */
  async choose(...files: readonly GivenFile[]): Promise<void> {
    await this.page.setInputFiles(
      '#files',
      files.map(({ name, bytes }) => ({
        name,
        mimeType: 'application/octet-stream',
        buffer: Buffer.from(bytes),
      })),
    );
  }

  async openSample(name: 'onnx' | 'tfjs', query = ''): Promise<void> {
    await this.page.goto(`${this.site.address}${query}`);
    await this.page.click(`[data-sample=${name}]`);
    await this.page.waitForSelector('#settings:not([hidden])');
    await this.idle();
    await this.takeSamples(FEW);
  }

  /** Inputs that are made up for the refit. */
  async takeSamples(count: number): Promise<void> {
    if (!(await this.page.isVisible('#samples'))) await this.page.click('#inputs summary');
    await this.page.fill('#samples', String(count));
  }

  async measure(): Promise<void> {
    await this.page.click('#measure');
    expect(await this.idle()).toBe('Measured. Choose a place on the curve.');
  }

  async make(): Promise<string> {
    await this.page.click('#compress');
    return this.idle();
  }

  async downloaded(): Promise<GivenFile> {
    const [file] = await Promise.all([this.page.waitForEvent('download'), this.page.click('#download')]);
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  }

  async recipe(): Promise<string> {
    return (await this.page.textContent('#recipe'))!;
  }
}

/** Opens the page for the tests around, in a Chromium with these flags too. After each of them nothing has gone wrong, and nothing was asked of elsewhere. */
export function pageDriver(flags: readonly string[] = []): PageDriver {
  const driver = new PageDriver();
  beforeAll(async () => {
    driver.folder = await mkdtemp(join(tmpdir(), 'spherize-page-'));
    await build({ root: ROOT, logLevel: 'error', build: { outDir: join(driver.folder, 'site') } });
    driver.site = await serveFolder(join(driver.folder, 'site'));
    driver.browser = await launchChromium(flags);
  });
  afterAll(async () => {
    await driver.browser?.close();
    await driver.site?.close();
    await rm(driver.folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    driver.problems = [];
    driver.requests = [];
    driver.context = await driver.browser.newContext();
    // Against hanging, as in all tests: a busy machine takes its time.
    driver.context.setDefaultTimeout(110_000);
    driver.page = await driver.context.newPage();
    driver.context.on('request', (request) => driver.requests.push(request.url()));
    driver.page.on('console', (message) => driver.problems.push(message.text()));
    driver.page.on('pageerror', ({ message }) => driver.problems.push(message));
  });
  afterEach(async () => {
    await driver.context.close();
    expect(driver.problems).toEqual([]);
    const own = (url: string) => url.startsWith(driver.site.address) || url.startsWith('blob:');
    expect(driver.requests.filter((url) => !own(url))).toEqual([]);
  });
  return driver;
}
