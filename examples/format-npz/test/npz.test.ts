import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelFormatContract } from '@spherize/core/testing';
import { zipSync } from 'fflate';
import { dump } from 'npyjs';
import { afterAll, expect, test } from 'vitest';
import npzFormat from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'format-npz-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** Values that look random and are always the same. */
const values = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
const array = (...shape: number[]): Uint8Array =>
  new Uint8Array(dump(values(shape.reduce((a, b) => a * b)), shape));
const layers = { 'fc1.weight.npy': array(12, 9), 'fc1.bias.npy': array(12), 'fc2.weight.npy': array(5, 12) };
writeFileSync(at('small.npz'), zipSync(layers));
writeFileSync(at('broken.npz'), 'no archive');
writeFileSync(at('misfit.npz'), zipSync({ ...layers, 'fc3.weight.npy': array(2, 4) }));

const sample = { model: at('small.npz'), broken: at('broken.npz'), output: at('out.npz') };
for (const { name, run } of modelFormatContract(npzFormat, sample)) test(name, run);

test('layers that do not fit each other are refused', async () => {
  await expect(npzFormat.read(at('misfit.npz'))).rejects.toThrow('fc3.weight needs 5 columns, has 4');
});
