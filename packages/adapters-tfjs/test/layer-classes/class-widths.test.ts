/**
 * Every class of the table between two fully connected layers, whose features leave: with none gone and with duplicates gone the outputs
 * stay as they are, and whatever leaves, the narrower model computes what the original does with zeros for it.
 */
import {
  type CalibrationInputs,
  findWidths,
  type Model,
  portableEngine,
  reduceNeurons,
  spherical,
  type Tensor,
  type Width,
} from '@spherize/core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { tf, type tfl } from '../build-layers-model.js';
import { between, build, CASES, isClose, run, tensor } from './case-models.js';
import { type Case, FEATURES } from './class-cases.js';

const OUTPUTS = 3;
const ROWS = 16;

/** Values that repeat along every axis that may hold features: the second half of these are duplicates of the first. */
function withDuplicates(model: tfl.LayersModel): void {
  for (const layer of model.layers) {
    if (layer.name === 'target') continue;
    const repeated = layer.getWeights().map((weight) => {
      const strides = tf.util.computeStrides(weight.shape).concat(1);
      const values = weight.dataSync();
      const original = values.map((_, i) => {
        const from = weight.shape.map((size, axis) => {
          const at = Math.floor(i / strides[axis]!) % size;
          return (size % FEATURES === 0 ? at % (size / 2) : at) * strides[axis]!;
        });
        return values[from.reduce((sum, at) => sum + at, 0)]!;
      });
      return tf.tensor(original, weight.shape);
    });
    layer.setWeights(repeated);
  }
}

const models = new Map<Case, Promise<Model>>();
function modelOf(own: Case): Promise<Model> {
  let made = models.get(own);
  if (made === undefined) {
    made = build(between(own, OUTPUTS), withDuplicates);
    models.set(own, made);
  }
  return made;
}

const inputsOf = ({ sizes }: Case): CalibrationInputs => ({
  name: 'random',
  samples: ROWS,
  async *batches() {
    yield { x: tensor([ROWS, ...sizes, 6], 5) };
  },
});

const options = { engine: portableEngine, clusterer: spherical };
const offered = (model: Model): Width[] =>
  findWidths(model.graph).widths.filter(({ reason }) => reason === undefined);

test('what is offered, for every case, or why not', async () => {
  const rows: string[] = [];
  for (const [what, own] of CASES) {
    const { graph } = await modelOf(own);
    const widths = findWidths(graph).widths.map(({ name, size, blocks, producers, consumers, reason }) => {
      const blocked = blocks.length > 1 ? ` in ${blocks.length} blocks` : '';
      return `  ${name}: ${reason ?? `${size}${blocked} of ${producers.join(', ')} for ${consumers.join(', ')}`}\n`;
    });
    rows.push(`${what}\n${widths.join('')}`);
  }
  await expect(rows.join('')).toMatchFileSnapshot('widths.txt');
});

describe('outputs stay as they are where nothing or a duplicate leaves', () => {
  test.each(CASES)('%s', async (what, own) => {
    const model = await modelOf(own);
    const x = tensor([2, ...own.sizes, 6], 3);
    const before = await run(model, x, what);
    const widths = offered(model);
    const { model: same } = await reduceNeurons(model, new Map(widths.map(({ name }) => [name, 0])), options);
    expect(await run(same, x, what)).toEqual(before);
    for (const { name, size, blocks } of widths) {
      // Blocks are duplicates of each other, not in themselves; other widths have none.
      if (blocks.length > 1 || size !== FEATURES) continue;
      const { model: narrower } = await reduceNeurons(model, new Map([[name, 0.5]]), options);
      expect(narrower.parameters).toBeLessThan(model.parameters);
      expect([name, isClose(await run(narrower, x, what), before)]).toEqual([name, true]);
    }
  });
});

describe('a narrower model computes what the original does with zeros for what left', () => {
  test.each(CASES)('%s', async (what, own) => {
    const model = await modelOf(own);
    const x = tensor([2, ...own.sizes, 6], 3);
    const widths = offered(model);
    if (widths.length === 0) return;
    for (const [ratio, inputs] of [
      [0.3, undefined],
      [0.75, undefined],
      [0.5, inputsOf(own)],
    ] as const) {
      const ratios = new Map(widths.map(({ name }) => [name, ratio]));
      const { model: narrower, masked } = await reduceNeurons(model, ratios, { ...options, inputs });
      const expected: Tensor = await run(masked(), x, what);
      expect(narrower.parameters).toBeLessThan(model.parameters);
      expect([ratio, isClose(await run(narrower, x, what), expected)]).toEqual([ratio, true]);
    }
  });
});
