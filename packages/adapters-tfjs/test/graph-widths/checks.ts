/** What holds of every model of which features leave. */
import {
  findWidths,
  type Model,
  portableEngine,
  reduceNeurons,
  spherical,
  type Tensor,
  type Width,
} from '@spherize/core';
import { expect } from 'vitest';
import { randomValues } from '../build-graph-model.js';

/** Sums of a few dozen float32 products in another order, behind functions that make a small difference larger. */
const ROUNDING = 1e-4;

const METHOD = { engine: portableEngine, clusterer: spherical };

export async function run(model: Model, inputs: Readonly<Record<string, Tensor>>): Promise<Tensor> {
  const session = await model.session();
  try {
    return (await session.run(inputs))[model.outputs[0]!.name]!;
  } finally {
    await session.release();
  }
}

export function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  const scale = Math.max(1e-3, ...Array.from(expected.data, Math.abs));
  const worst = Math.max(0, ...Array.from(expected.data, (value, i) => Math.abs(value - actual.data[i]!)));
  expect(worst / scale).toBeLessThanOrEqual(ROUNDING);
}

export function inputsOf(shape: readonly number[], seed = 11): Record<string, Tensor> {
  const size = shape.reduce((all, length) => all * length, 1);
  return { x: { shape, data: randomValues(size, seed) } };
}

export function widthsOf(model: Model): readonly Width[] {
  return findWidths(model.graph).widths;
}

/** `name size blocks: producers > consumers`, or the reason. */
export function described(model: Model): string[] {
  return widthsOf(model).map(({ name, size, blocks, producers, consumers, reason }) =>
    reason === undefined
      ? `${name} ${size} ${blocks.length}: ${producers} > ${consumers}`
      : `${name}: ${reason.replace(/_\d+/g, '')}`,
  );
}

function operationsOf(model: Model): string[] {
  const { artifacts } = model as unknown as { artifacts: { topology: { node: { op: string }[] } } };
  return artifacts.topology.node.map(({ op }) => op).filter((op) => op !== 'Const');
}

function offered(model: Model, among: (width: Width) => boolean = () => true): Width[] {
  return widthsOf(model).filter((width) => width.reason === undefined && among(width));
}

export async function sameWhereNothingLeaves(model: Model, inputs: Record<string, Tensor>): Promise<void> {
  const ratios = new Map(offered(model).map(({ name }) => [name, 0]));
  const { model: same } = await reduceNeurons(model, ratios, METHOD);
  expect(await run(same, inputs)).toEqual(await run(model, inputs));
}

/** @param planted whether the second half of a width's features repeats the first */
export async function sameWithoutDuplicates(
  model: Model,
  inputs: Record<string, Tensor>,
  planted: (width: Width) => boolean,
): Promise<void> {
  const before = await run(model, inputs);
  for (const { name } of offered(model, planted)) {
    const { model: narrower } = await reduceNeurons(model, new Map([[name, 0.5]]), METHOD);
    expect(narrower.parameters).toBeLessThan(model.parameters);
    expect(operationsOf(narrower)).toEqual(operationsOf(model));
    expectClose(await run(narrower, inputs), before);
  }
}

/** For some share of every width, with and without refitting. */
export async function likeZeros(
  model: Model,
  inputs: Record<string, Tensor>,
  shares: readonly number[] = [0.3, 0.75],
): Promise<void> {
  const shape = inputs.x!.shape;
  for (const share of shares) {
    const ratios = new Map(offered(model).map(({ name }) => [name, share]));
    if (ratios.size === 0) return;
    for (const refit of [false, true]) {
      const options = refit ? { ...METHOD, inputs: someInputs(shape) } : METHOD;
      const { model: narrower, masked } = await reduceNeurons(model, ratios, options);
      expectClose(await run(narrower, inputs), await run(masked(), inputs));
      expect(narrower.parameters).toBeLessThan(model.parameters);
    }
  }
}

function someInputs(shape: readonly number[]) {
  return {
    name: 'random',
    samples: 8 * shape[0]!,
    async *batches() {
      for (let i = 0; i < 8; i++) yield inputsOf(shape, 100 + i);
    },
  };
}
