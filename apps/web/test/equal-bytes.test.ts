/** What the page makes is what the library and the command make of the same recipe, byte by byte. */
import { cp, mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnxBytes, onnxModel } from '@spherize/adapters-onnx';
import { tfjsFiles } from '@spherize/adapters-tfjs';
import { tfjsFormat } from '@spherize/adapters-tfjs/node';
import {
  compressModel,
  evolvedInputs,
  type MatrixEngine,
  type Model,
  portableEngine,
  type Reduction,
  settledInputs,
  type WeightType,
} from '@spherize/core';
import { unzipSync } from 'fflate';
import * as runtime from 'onnxruntime-web';
import { describe, expect, test } from 'vitest';
import { CHROMIUM } from '../../../packages/adapters-onnx/test/browser/chromium.js';
import { spherize } from '../../cli/test/commands/spawn-spherize.js';
import { FEW, type GivenFile, pageDriver, SAMPLES } from './page-driver.js';

type Format = 'onnx' | 'tfjs';
type Files = Readonly<Record<string, Uint8Array>>;

describe.skipIf(CHROMIUM === undefined)(`the page's bytes, in ${CHROMIUM}`, () => {
  const driver = pageDriver();

  /** The sample compressed on the page. @returns the files of the result, and the command line that is shown */
  async function made(
    format: Format,
    query: string,
    choice: Choice,
  ): Promise<{ files: Files; recipe: string }> {
    await driver.openSample(format, query);
    await driver.takeSamples(choice.samples);
    await driver.page.check(`input[name=reduce][value=${choice.reduce}]`);
    await driver.page.check(`input[name=weights][value=${choice.storage}]`);
    if (choice.reduce !== 'none') await driver.measure();
    expect(await driver.make()).toMatch(/^Done: /);
    return { files: unpacked(await driver.downloaded()), recipe: await driver.recipe() };
  }

  test.each<[Format, string, Choice]>([
    ['onnx', '', { reduce: 'auto', storage: 'int8', samples: FEW }],
    ['tfjs', '', { reduce: 'auto', storage: 'int8', samples: FEW }],
    ['onnx', '', { reduce: 'both', storage: 'int8', samples: FEW }],
    ['onnx', '?engine=portable', { reduce: 'columns', storage: 'float16', samples: 0 }],
  ])(
    '%s%s: those of the library in Node on the same runtime, refitted or not',
    async (format, query, choice) => {
      const { files, recipe } = await made(format, query, choice);
      const model = await sampleOnPageRuntime(format);
      const engine = query === '' ? await model.engine!() : portableEngine;
      const smaller = await compressedBy(recipe, model, engine, choice);
      expect(filesOf(format, smaller)).toEqual(files);
    },
  );

  test.each<[Format, Choice]>([
    ['onnx', { reduce: 'neurons', storage: 'int8', samples: 0 }],
    ['tfjs', { reduce: 'neurons', storage: 'int8', samples: 0 }],
  ])('%s: those of the command line that is shown, nothing refitted', async (format, choice) => {
    const { files, recipe } = await made(format, '', choice);
    const folder = await mkdtemp(join(driver.folder, 'command-'));
    const beside = format === 'onnx' ? SAMPLES : join(SAMPLES, 'fashion-tfjs');
    await cp(beside, folder, { recursive: true });
    const [program, ...words] = recipe.split(' ');
    expect(program).toBe('spherize');
    const { code, stderr } = await spherize(folder, ...words);
    expect([code, stderr]).toEqual([0, '']);
    expect(await writtenIn(folder, format)).toEqual(files);
  });
});

interface Choice {
  readonly reduce: Reduction | 'none';
  readonly storage: WeightType;
  /** Inputs for the refit. */
  readonly samples: number;
}

function unpacked({ name, bytes }: GivenFile): Files {
  return name.endsWith('.zip') ? unzipSync(bytes) : { [name]: new Uint8Array(bytes) };
}

/** What the command wrote. It names shards by what is in them: here they are called as the page does. */
async function writtenIn(folder: string, format: Format): Promise<Files> {
  if (format === 'onnx')
    return { 'fashion.small.onnx': new Uint8Array(await readFile(join(folder, 'fashion.small.onnx'))) };
  const written = join(folder, 'model.small');
  const text = await readFile(join(written, 'model.json'), 'utf8');
  const [shard] = JSON.parse(text).weightsManifest[0].paths;
  return {
    'group1-shard1of1.bin': new Uint8Array(await readFile(join(written, shard))),
    'model.json': new TextEncoder().encode(text.replace(shard, 'group1-shard1of1.bin')),
  };
}

function filesOf(format: Format, model: Model): Files {
  if (format === 'onnx') return { 'fashion.small.onnx': new Uint8Array(onnxBytes(model)) };
  const files = tfjsFiles(model).map(({ name, pieces }) => [name, new Uint8Array(Buffer.concat(pieces))]);
  return Object.fromEntries(files);
}

/** On wasm, one thread each, as a page that is not isolated. */
async function sampleOnPageRuntime(format: Format): Promise<Model> {
  if (format === 'tfjs') return (await tfjsFormat.read(join(SAMPLES, 'fashion-tfjs/model.json'))).model;
  runtime.env.wasm.numThreads = 1;
  return onnxModel(await readFile(join(SAMPLES, 'fashion.onnx')), { runtime });
}

async function compressedBy(
  recipe: string,
  model: Model,
  engine: MatrixEngine,
  { reduce, storage, samples }: Choice,
): Promise<Model> {
  const ratios = /--ratio (\S+)/
    .exec(recipe)![1]!
    .split(',')
    .map((item) => item.split('='));
  const { model: smaller } = await compressModel(model, {
    reduce: reduce as Reduction,
    ratio: Object.fromEntries(ratios.map(([name, ratio]) => [name!, Number(ratio)])),
    ...(reduce !== 'columns' && { roundTo: 8 }),
    storage,
    calibration:
      samples === 0 ? 'none' : evolvedInputs(model, await settledInputs(model), { samples, seed: 0 }),
    engine,
  });
  return smaller;
}
