/** Features leave models: with none gone, and with duplicates gone, the outputs stay as they are. */
import {
  findWidths,
  type Model,
  narrow,
  portableEngine,
  reduceNeurons,
  spherical,
  type Tensor,
} from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { onnxBytes } from '../src/index.js';
import { onnxModel } from '../src/node.js';
import { decodeModel } from '../src/proto/decode-model.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { expectClose, run } from './running.js';
import { CASES, type Case } from './width-cases.js';
import { ATTENTION_CASES } from './width-cases-attention.js';
import { OPERATOR_CASES } from './width-cases-operators.js';

function modelOf({ build, opset }: Case): Model {
  const builder = new ModelBuilder(opset);
  build(builder);
  return onnxModel(builder.build());
}

function inputsOf({ shape }: Case): Record<string, Tensor> {
  const size = shape.reduce((all, length) => all * length, 1);
  return { x: { shape, data: randomValues(size, 11) } };
}

async function outputOf(model: Model, inputs: Record<string, Tensor>): Promise<Tensor> {
  return (await run(model, inputs))[model.outputs[0]!.name]!;
}

function nodesOf(model: Model): string[] {
  return decodeModel(onnxBytes(model), 'the model').graph!.node.map(({ opType }) => opType);
}

describe.each(Object.entries({ ...CASES, ...OPERATOR_CASES, ...ATTENTION_CASES }))('%s', (_, own) => {
  const model = modelOf(own);
  const { graph } = model;
  const found = findWidths(graph);

  test('has these widths', () => {
    const described = found.widths.map(({ name, size, blocks, producers, consumers, reason }) =>
      reason === undefined
        ? `${name} ${size} ${blocks.length}: ${producers} > ${consumers}`
        : `${name}: ${reason.replace(/_\d+/, '')}`,
    );
    expect(described).toEqual(own.widths);
  });

  test('computes the same where nothing leaves', async () => {
    expect(narrow(graph, found, new Set()).layers.size).toBe(0);
    const offered = found.widths.filter(({ reason }) => reason === undefined);
    const ratios = new Map(offered.map(({ name }) => [name, 0]));
    const { model: same } = await reduceNeurons(model, ratios, {
      engine: portableEngine,
      clusterer: spherical,
    });
    const inputs = inputsOf(own);
    expect(await outputOf(same, inputs)).toEqual(await outputOf(model, inputs));
  });

  test('computes the same where half of the features leave, which are duplicates', async () => {
    const inputs = inputsOf(own);
    const before = await outputOf(model, inputs);
    for (const { name, reason, blocks } of own.distinct ? [] : found.widths) {
      // Duplicates lie in the same block, or are two blocks that are alike.
      if (reason !== undefined || blocks.length > 1) continue;
      const { model: narrower } = await reduceNeurons(model, new Map([[name, 0.5]]), {
        engine: portableEngine,
        clusterer: spherical,
      });
      expect(narrower.parameters).toBeLessThan(model.parameters);
      expect(nodesOf(narrower)).toEqual(nodesOf(model));
      // Of a split, the two halves were alike: what leaves one is no duplicate in the other.
      if (name !== 'both') expectClose(await outputOf(narrower, inputs), before);
    }
  });

  test('computes what the original does with zeros for what leaves, for any share and with refitting', async () => {
    const inputs = inputsOf(own);
    const offered = found.widths.filter(({ reason }) => reason === undefined);
    for (const ratio of [0.3, 0.75]) {
      const ratios = new Map(offered.map(({ name }) => [name, ratio]));
      for (const refit of [false, true]) {
        const options = { engine: portableEngine, clusterer: spherical };
        const { model: narrower, masked } = await reduceNeurons(model, ratios, {
          ...options,
          ...(refit && { inputs: someInputs(own) }),
        });
        expectClose(await outputOf(narrower, inputs), await outputOf(masked(), inputs));
        const less = narrower.parameters < model.parameters;
        expect(less).toBe(offered.length > 0);
      }
    }
  });
});

function someInputs({ shape }: Case) {
  const size = shape.reduce((all, length) => all * length, 1);
  return {
    name: 'random',
    samples: 8 * shape[0]!,
    async *batches() {
      for (let i = 0; i < 8; i++) yield { x: { shape, data: randomValues(size, 100 + i) } };
    },
  };
}

test('values leave alone where queries and keys are told the same shape', async () => {
  const own = ATTENTION_CASES['heads whose shape all of them share']!;
  const model = modelOf(own);
  const { model: narrower, masked } = await reduceNeurons(model, new Map([['v', 0.5]]), {
    engine: portableEngine,
    clusterer: spherical,
  });
  expect(nodesOf(narrower)).toEqual(nodesOf(model));
  // A batch of another size than the shapes were found with.
  const inputs = { x: { shape: [3, 5, 6], data: randomValues(90, 5) } };
  expectClose(await outputOf(narrower, inputs), await outputOf(masked(), inputs));
});

test('with inputs, the error of what is left is small where features are sums of others', async () => {
  const builder = new ModelBuilder();
  const x = builder.input('x', [undefined, 6]);
  const made = builder.node('Gemm', [x, builder.weight('fc1.weight', [8, 6], dependent())], { transB: 1 });
  const read = builder.weight('fc2.weight', [3, 8], randomValues(24, 4));
  builder.output(builder.node('Gemm', [made, read], { transB: 1 }), [undefined, 3]);
  const model = onnxModel(builder.build());
  const own = { shape: [64, 6] } as unknown as Case;
  const { model: narrower } = await reduceNeurons(model, new Map([['fc1', 0.5]]), {
    engine: portableEngine,
    clusterer: spherical,
    inputs: someInputs(own),
  });
  const inputs = inputsOf(own);
  const [before, after] = [await outputOf(model, inputs), await outputOf(narrower, inputs)];
  const error = sum(Array.from(before.data, (y, i) => (y - after.data[i]!) ** 2));
  const norm = sum(Array.from(before.data, (y) => y * y));
  expect(error / norm).toBeLessThan(1e-3);
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Eight rows of rank four. */
function dependent(): Float32Array {
  const basis = randomValues(24, 1);
  const mix = randomValues(32, 2);
  return Float32Array.from({ length: 48 }, (_, at) => {
    const [row, column] = [Math.floor(at / 6), at % 6];
    return [0, 1, 2, 3].reduce((sum, k) => sum + mix[row * 4 + k]! * basis[k * 6 + column]!, 0);
  });
}
