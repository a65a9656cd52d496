/** Features pass every operation of the table, or stay for a reason: producer, operation, consumer. */
import type { Model } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { OPERATIONS } from '../../src/graph-model/operations/operation-table.js';
import { tfjsModel } from '../../src/node.js';
import { CASES, type Case, FEATURES, SAMPLES } from '../operation-cases.js';
import { inputsOf, likeZeros, sameWhereNothingLeaves, sameWithoutDuplicates, widthsOf } from './checks.js';
import { LAYOUT_CASES, type LayoutCase } from './layout-cases.js';
import { PlantedBuilder, repeatedValues } from './planted.js';

/** Constants of one value per feature repeat themselves, so that features are duplicates behind every operation. */
class RepeatingBuilder extends PlantedBuilder {
  override weight(name: string, shape: readonly number[], values?: Float32Array): string {
    const halves = [...shape.keys()].filter((axis) => shape[axis] === FEATURES);
    const own = repeatedValues(shape, halves, name.length).map((value) => 0.6 + value / 4);
    return super.weight(name, shape, values !== undefined && halves.length === 0 ? values : own);
  }
}

function ofProducts(add: Case): Promise<Model> {
  const b = new RepeatingBuilder();
  const h = b.dense(b.input('x', [undefined, 6]), 'before', 6, FEATURES);
  const y = b.node('MatMul', 'y', [add(b, h), b.weight('after/kernel', [FEATURES, 3])]);
  return tfjsModel(b.output(y, [undefined, 3]).build());
}

async function ofConvolutions(add: LayoutCase): Promise<Model> {
  const channels = async (last: number): Promise<Model> => {
    const b = new PlantedBuilder();
    const made = add(b, b.conv(b.input('x', [undefined, 4, 4, 3]), 'before', [3, 3, 8], 'Relu'));
    const y = b.conv(made, 'after', [1, last, 4]);
    return tfjsModel(b.output(y, [undefined, undefined, undefined, 4]).build());
  };
  // The converter's graphs say how many channels the last filters read; here the graph is asked.
  const { graph } = await channels(1);
  const { inputs } = graph.operations.find(({ flow }) => flow.type === 'layer' && flow.layer === 'after')!;
  return channels(graph.shape(inputs[0]!)!.at(-1)!);
}

/** Of which features the second half does not repeat the first, or is cut off from it. */
const UNPLANTED =
  /^(?:DepthToSpace|Split|Slice of channels|StridedSlice of channels|GatherV2 of neighbouring|Gather|LRN|ConcatV2 with)/;

const outcomes: string[] = [];

async function check(what: string, model: Model, shape: readonly number[]): Promise<void> {
  const own = widthsOf(model).filter(({ producers }) => producers.includes('before'));
  for (const { size, producers, consumers, operations, reason } of own) {
    const plain = (reason ?? `${size}: ${producers} > ${operations} > ${consumers}`).replace(/_\d+/g, '');
    outcomes.push(`${what}\n  ${plain}\n`);
  }
  const inputs = inputsOf(shape);
  await sameWhereNothingLeaves(model, inputs);
  if (!UNPLANTED.test(what))
    await sameWithoutDuplicates(model, inputs, ({ producers }) => producers.includes('before'));
  await likeZeros(model, inputs, [0.4]);
}

describe('behind a product', () => {
  test.each(CASES.map(([what, , add]) => [what, add] as const))('%s', async (what, add) => {
    await check(what, await ofProducts(add), [SAMPLES, 6]);
  });
});

describe('behind a convolution', () => {
  test.each(Object.entries(LAYOUT_CASES))('%s', async (what, add) => {
    await check(what, await ofConvolutions(add), [2, 4, 4, 3]);
  });
});

test('what becomes of features behind every operation', async () => {
  await expect(outcomes.join('')).toMatchFileSnapshot('graph-flows.txt');
});

test('every operation of the table has a rule', () => {
  expect(OPERATIONS.filter(({ flow }) => typeof flow !== 'function')).toEqual([]);
});
