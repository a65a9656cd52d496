/** Models are timed on WebGPU too where the browser has it, by a runtime that is loaded nowhere else. */
import { describe, expect, test } from 'vitest';
import { CHROMIUM, WITH_WEBGPU } from '../../../packages/adapters-onnx/test/browser/chromium.js';
import { pageDriver } from './page-driver.js';

describe.skipIf(CHROMIUM === undefined).each([
  ['with WebGPU', WITH_WEBGPU, true],
  ['without WebGPU', [], false],
] as const)('%s', (_name, flags, here) => {
  const driver = pageDriver(flags);

  test.each(['onnx', 'tfjs'] as const)('%s', async (format) => {
    const expected = here && format === 'onnx';
    await driver.openSample(format);
    await driver.page.check('input[name=reduce][value=none]');
    await driver.page.check('input[name=weights][value=int8]');
    expect(await driver.make()).toMatch(/^Done: /);
    const row = driver.page.locator('#figures tr', { hasText: 'WebGPU' });
    expect(await row.count()).toBe(expected ? 1 : 0);
    if (expected)
      expect(await row.textContent()).toMatch(/^one run on WebGPU, median([\d.]+ ms){2}[\d.]+ ×$/);
    expect(driver.requests.some((url) => /jspi|webgpu/.test(url))).toBe(expected);
    // What is written is the same everywhere.
    const { bytes } = await driver.downloaded();
    written.set(format, written.get(format) ?? bytes);
    expect(Buffer.compare(bytes, written.get(format)!)).toBe(0);
  });
});

/** By format. */
const written = new Map<string, Uint8Array>();
