import { type CompressedLayer, reconstruct } from '../compression/compressed-layer.js';
import { planRewrite, type RewriteOptions } from '../compression/plan-rewrite.js';
import { foldsOf } from '../folding/model-folds.js';
import { upstreamOf } from '../folding/upstream.js';
import type { FcLayer, Model, ModelFormat, Tensor } from '../format/model-format.js';
import type { LayerRewrite } from '../format/model-rewrite.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { Random } from '../random.js';
import {
  type ContractCheck,
  ensure,
  ensureClose,
  ensureEqual,
  ensureInputError,
  FLOAT32_SUMS,
} from './contract-check.js';
import { NARROWING_CHECKS } from './narrowing-checks.js';
import { randomValues } from './random-values.js';
import { STORAGE_CHECKS } from './storage-checks.js';
import { WRONG_REWRITES } from './wrong-rewrites.js';

/** The files that a model format is tried on. Paths or URLs, as the format takes them. */
export interface ModelFormatSample {
  /** A small model with a fully connected layer and float32 weights. Several layers in a row show more. */
  readonly model: string;
  /** Something that exists, is called like a model and is none. */
  readonly broken: string;
  /** Where models may be written. */
  readonly output: string;
  /** Inputs to run it on. Default: standard normal numbers, with 2 for every free axis. */
  readonly inputs?: Readonly<Record<string, Tensor>> | undefined;
}

/**
 * What every model format has to do, tried on one model. Run it on several: what surrounds the layers makes the difference.
 *
 * @example
 * ```ts
 * const sample = { model: 'test/small.onnx', broken: 'test/broken.onnx', output: join(folder, 'copy.onnx') };
 * for (const { name, run } of modelFormatContract(onnxFormat, sample)) test(name, run);
 * ```
 */
export function modelFormatContract(format: ModelFormat, sample: ModelFormatSample): ContractCheck[] {
  const read = async (): Promise<Model> => (await format.read(sample.model)).model;
  const onModel = (name: string, check: (model: Model) => Promise<void>): ContractCheck => ({
    name,
    run: async () => check(await read()),
  });
  const inputsOf = (model: Model): Readonly<Record<string, Tensor>> => sample.inputs ?? randomInputs(model);
  /** Whether two models compute the same. */
  const ensureSameOutputs = async (actual: Model, expected: Model, what: string): Promise<void> => {
    const inputs = inputsOf(expected);
    ensureCloseTensors(await run(actual, inputs), await run(expected, inputs), what);
  };
  return [
    {
      name: 'has a name and recognises the sample',
      run: async () => {
        ensure(format.name.length > 0, 'the name is empty');
        ensure(format.matches(sample.model), `${sample.model} is not recognised`);
        ensure(!format.matches('README'), 'README is taken for a model');
      },
    },
    {
      name: 'reads a model and says how many bytes it is',
      run: async () => {
        const { bytes } = await format.read(sample.model);
        ensure(Number.isInteger(bytes) && bytes > 0, `expected a count of bytes, got ${bytes}`);
      },
    },
    {
      name: 'explains what is no model',
      run: () =>
        ensureInputError(() => format.read(sample.broken), ['BAD_FILE', 'UNSUPPORTED'], sample.broken),
    },
    {
      name: 'explains what is not there',
      run: () => {
        const missing = sample.broken.replace(/[^/\\]+$/, 'there-is-no-$&');
        return ensureInputError(() => format.read(missing), ['NOT_FOUND'], missing);
      },
    },
    onModel('names its layers, with weights and biases of their shapes', async (model) => {
      ensureLayers(model);
      const [first, again] = [model.layers, model.layers];
      ensure(
        first.every((layer, i) => layer === again[i]),
        'expected the same layer objects every time',
      );
    }),
    onModel('describes what precedes every layer', async (model) => {
      for (const { name, input } of model.layers) {
        const uses = upstreamOf(model.graph).uses(input);
        ensure(uses >= 1, `${name}: its input ${input} has ${uses} uses`);
        const reason = foldsOf(model).get(name)?.reason ?? '';
        ensure(reason.length > 0, `${name}: no reason for how it folds`);
      }
    }),
    onModel('runs, and gives the outputs that it names', async (model) => {
      const outputs = await run(model, inputsOf(model));
      ensureNames(
        Object.keys(outputs),
        model.outputs.map(({ name }) => name),
        'outputs',
      );
      for (const { name, shape } of model.outputs) ensureShape(outputs[name]!, shape, name);
    }),
    onModel('gives the same outputs from one session and from two', async (model) => {
      const inputs = inputsOf(model);
      const [first, second] = await Promise.all([model.session(), model.session()]);
      try {
        const expected = await first.run(inputs);
        ensureCloseTensors(await first.run(inputs), expected, 'a second run');
        ensureCloseTensors(await second.run(inputs), expected, 'a second session');
      } finally {
        await Promise.all([first.release(), second.release()]);
      }
    }),
    onModel('computes the same with every column in a cluster of its own', async (model) => {
      const { rewrite } = planRewrite(model, compressAll(model, alone), { folding: 'explicit' });
      await ensureSameOutputs(model.rewrite(rewrite), model, 'rewritten');
    }),
    ...(['explicit', 'fold'] as const).flatMap((folding) => [
      onModel(`computes the same with scaled and reordered columns (folding: ${folding})`, async (model) => {
        const { rewrite } = planRewrite(model, compressAll(model, reorderedAndScaled), { folding });
        await ensureSameOutputs(model.rewrite(rewrite), model, 'rewritten');
      }),
      onModel(
        `computes with clusters what it does with the weights they stand for (${folding})`,
        async (model) => {
          const compressed = compressAll(model, clustered);
          const { rewrite } = planRewrite(model, compressed, { folding });
          const dense = model.rewrite({ layers: restoreLayers(model, compressed), features: [] });
          await ensureSameOutputs(model.rewrite(rewrite), dense, 'clusters');
        },
      ),
      onModel(`computes the same when one layer alone is rewritten (${folding})`, async (model) => {
        for (const layer of model.layers) {
          await ensureSameOutputs(
            rewriteOne(model, layer, reorderedAndScaled, { folding }),
            model,
            layer.name,
          );
        }
      }),
    ]),
    ...STORAGE_CHECKS.map(([name, check]) =>
      onModel(name, (model) =>
        check(model, {
          same: ensureSameOutputs,
          readAgain: async (stored) => {
            await stored.write(sample.output);
            return (await format.read(sample.output)).model;
          },
        }),
      ),
    ),
    ...NARROWING_CHECKS.map(([name, check]) =>
      onModel(name, (model) =>
        check(model, ensureSameOutputs, (own, known) => run(own, { ...inputsOf(model), ...known })),
      ),
    ),
    onModel('leaves nothing of a sum that folds', async (model) => {
      for (const layer of model.layers) {
        const { sumInto, path, targetIsLayer } = foldsOf(model).get(layer.name)!;
        if (sumInto === null) continue;
        const compressed = clustered(model.weights(layer.name));
        const rewritten = rewriteOne(model, layer, () => compressed, {});
        const k = compressed.centroids.cols;
        const { cols } = rewritten.weights(layer.name);
        ensure(cols === k, `${layer.name}: expected ${k} columns, got ${cols}`);
        if (targetIsLayer) {
          const { rows } = rewritten.weights(sumInto);
          ensure(rows === k, `${sumInto}: expected ${k} outputs, got ${rows}`);
        }
        const between = foldsOf(rewritten).get(layer.name)!.path;
        ensureNames(between, path, `operations before ${layer.name}`);
      }
    }),
    onModel('gives a rewritten layer its new shape and leaves the others as they are', async (model) => {
      for (const layer of model.layers) {
        if (layer.shared) continue;
        const compressed = clustered(model.weights(layer.name));
        const rewritten = rewriteOne(model, layer, () => compressed, { folding: 'explicit' });
        ensureLayers(rewritten);
        ensureNames(
          rewritten.layers.map(({ name }) => name),
          model.layers.map(({ name }) => name),
          'layers',
        );
        const { cols } = rewritten.weights(layer.name);
        const k = compressed.centroids.cols;
        // A format may give a cluster several columns, or add columns of zeros, where its operations leave the sums so.
        ensure(cols >= k, `${layer.name}: expected ${k} columns or more, got ${cols}`);
        for (const { name } of model.layers) if (name !== layer.name) ensureSameLayer(rewritten, model, name);
      }
    }),
    ...WRONG_REWRITES.map(({ what, code, of }) =>
      onModel(`refuses a rewrite with ${what}`, async (model) => {
        const rewrite = of(model);
        if (rewrite) await ensureInputError(() => model.rewrite(rewrite), [code], what);
      }),
    ),
    onModel('gives a bias to a layer without one, or says that it cannot', async (model) => {
      for (const { name, outputs } of model.layers) {
        if (model.bias(name) !== undefined) continue;
        const bias = randomValues(outputs, 1);
        const change = { layer: name, weights: model.weights(name), bias, input: null };
        const add = (): Model => model.rewrite({ layers: [change], features: [] });
        try {
          ensureEqual(add().bias(name) ?? [], bias, `bias of ${name}`);
        } catch (error) {
          if (Object(error).name !== 'InputError') throw error;
          await ensureInputError(add, ['UNSUPPORTED'], `bias of ${name}`);
        }
      }
    }),
    onModel('never changes a model', async (model) => {
      const inputs = inputsOf(model);
      const before = await run(model, inputs);
      const weights = model.layers.map(({ name }) => model.weights(name).data.slice());
      model.rewrite(planRewrite(model, compressAll(model, clustered)).rewrite);
      model.split([model.layers[0]!.name], []);
      model.layers.forEach(({ name }, i) => {
        ensureEqual(model.weights(name).data, weights[i]!, name);
      });
      ensureCloseTensors(await run(model, inputs), before, 'after a rewrite');
    }),
    onModel('writes what it can read again', async (model) => {
      await ensureRoundTrip(format, model, sample.output, ensureSameOutputs);
    }),
    onModel('writes a rewritten model so that it can be read again', async (model) => {
      const { rewrite } = planRewrite(model, compressAll(model, clustered));
      await ensureRoundTrip(format, model.rewrite(rewrite), sample.output, ensureSameOutputs);
    }),
    onModel('splits into a head and a tail that compute what the whole does', async (model) => {
      const inputs = inputsOf(model);
      const whole = await run(model, inputs);
      for (const { name } of model.layers) {
        const { head, tail } = model.split([name], []);
        ensure(
          tail.layers.some((layer) => layer.name === name),
          `the tail misses layer ${name}`,
        );
        ensureCloseTensors(await runParts(head, tail, inputs), whole, `split at ${name}`);
      }
    }),
    onModel('splits before what a layer folds into', async (model) => {
      const inputs = inputsOf(model);
      const whole = await run(model, inputs);
      for (const { name, input } of model.layers) {
        const { orderInto } = foldsOf(model).get(name)!;
        if (orderInto === null) continue;
        const { head, tail } = model.split([name], [orderInto]);
        ensure(
          upstreamOf(tail.graph).producer(input) !== undefined,
          `the tail misses what precedes layer ${name}`,
        );
        ensureCloseTensors(await runParts(head, tail, inputs), whole, `split at ${name} and ${orderInto}`);
      }
    }),
  ];
}

async function run(model: Model, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const session = await model.session();
  try {
    return await session.run(inputs);
  } finally {
    await session.release();
  }
}

/** Runs the head, then the tail on what the head computed. */
async function runParts(
  head: Model | undefined,
  tail: Model,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const known = { ...inputs };
  const inputsOf = (model: Model): Record<string, Tensor> =>
    Object.fromEntries(
      model.inputs.map(({ name }) => {
        ensure(known[name] !== undefined, `nothing computes the input ${name}`);
        return [name, known[name]];
      }),
    );
  const early = head ? await run(head, inputsOf(head)) : {};
  Object.assign(known, early);
  return { ...early, ...(await run(tail, inputsOf(tail))) };
}

async function ensureRoundTrip(
  format: ModelFormat,
  model: Model,
  output: string,
  ensureSameOutputs: (actual: Model, expected: Model, what: string) => Promise<void>,
): Promise<void> {
  const written = await model.write(output);
  const again = await format.read(output);
  ensure(again.bytes === written, `${written} bytes were written, ${again.bytes} read`);
  ensureNames(
    again.model.layers.map(({ name }) => name),
    model.layers.map(({ name }) => name),
    'layers',
  );
  for (const { name } of model.layers) ensureSameLayer(again.model, model, name);
  ensure(
    again.model.parameters === model.parameters,
    `expected ${model.parameters} parameters, got ${again.model.parameters}`,
  );
  await ensureSameOutputs(again.model, model, 'read again');
}

function ensureLayers(model: Model): void {
  ensure(model.layers.length > 0, 'the sample has no fully connected layer');
  const names = model.layers.map(({ name }) => name);
  ensure(new Set(names).size === names.length, `layers share a name: ${names.join(', ')}`);
  let weights = 0;
  for (const { name, outputs, inputs, shared } of model.layers) {
    const { rows, cols, data } = model.weights(name);
    ensure(
      rows === outputs && cols === inputs && data.length === outputs * inputs,
      `${name}: expected weights [${outputs}, ${inputs}], got [${rows}, ${cols}]`,
    );
    const bias = model.bias(name);
    ensure(
      bias === undefined || bias.length === outputs,
      `${name}: expected ${outputs} biases, got ${bias?.length}`,
    );
    if (!shared) weights += data.length;
  }
  ensure(model.parameters >= weights, `${weights} weights, but ${model.parameters} parameters`);
}

function ensureSameLayer(actual: Model, expected: Model, name: string): void {
  ensureEqual(actual.weights(name).data, expected.weights(name).data, `weights of ${name}`);
  ensureEqual(actual.bias(name) ?? [], expected.bias(name) ?? [], `bias of ${name}`);
}

function ensureNames(actual: readonly string[], expected: readonly string[], what: string): void {
  ensure(
    actual.toSorted().join() === expected.toSorted().join(),
    `${what}: expected ${expected.join(', ')}, got ${actual.join(', ')}`,
  );
}

function ensureShape(tensor: Tensor, shape: readonly (number | undefined)[], name: string): void {
  const fits =
    tensor.shape.length === shape.length &&
    tensor.shape.every((size, axis) => shape[axis] === undefined || shape[axis] === size);
  ensure(fits, `${name}: expected shape [${shape}], got [${tensor.shape}]`);
  const count = sizeOf(tensor.shape);
  ensure(tensor.data.length === count, `${name}: expected ${count} values, got ${tensor.data.length}`);
}

function ensureCloseTensors(
  actual: Readonly<Record<string, Tensor>>,
  expected: Readonly<Record<string, Tensor>>,
  what: string,
): void {
  for (const [name, tensor] of Object.entries(expected)) {
    const found = actual[name];
    ensure(found !== undefined, `${what}: output ${name} is missing`);
    ensureShape(found, tensor.shape, `${what}: ${name}`);
    ensureClose(found.data, tensor.data, FLOAT32_SUMS, `${what}: ${name}`);
  }
}

function randomInputs(model: Model): Record<string, Tensor> {
  return Object.fromEntries(
    model.inputs.map(({ name, shape }, i) => {
      const sizes = shape.map((size) => size ?? 2);
      return [name, { shape: sizes, data: randomValues(sizeOf(sizes), i) }];
    }),
  );
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

function compressAll(
  model: Model,
  compress: (weights: DenseMatrix) => CompressedLayer,
): Map<string, CompressedLayer> {
  return new Map(model.layers.map(({ name }) => [name, compress(model.weights(name))]));
}

function rewriteOne(
  model: Model,
  layer: FcLayer,
  compress: (weights: DenseMatrix) => CompressedLayer,
  options: RewriteOptions,
): Model {
  const compressed = new Map([[layer.name, compress(model.weights(layer.name))]]);
  return model.rewrite(planRewrite(model, compressed, options).rewrite);
}

/** The layers as they would be without any clusters. */
function restoreLayers(model: Model, compressed: ReadonlyMap<string, CompressedLayer>): LayerRewrite[] {
  return [...compressed].map(([layer, clusters]) => ({
    layer,
    weights: reconstruct(clusters),
    bias: model.bias(layer) ?? null,
    input: null,
  }));
}

/** k = n: every column is its own cluster, in place. */
function alone(weights: DenseMatrix): CompressedLayer {
  return {
    assignment: Int32Array.from({ length: weights.cols }, (_, j) => j),
    scales: new Float32Array(weights.cols).fill(1),
    centroids: weights,
  };
}

/** k = n, with the columns in another order and every scale other than 1: still the same layer. */
function reorderedAndScaled(weights: DenseMatrix): CompressedLayer {
  const { cols } = weights;
  const assignment = shuffled(cols, 1);
  const scales = Float32Array.from({ length: cols }, (_, j) => [0.5, 2, 4][j % 3]!);
  return {
    assignment,
    scales,
    centroids: centroidsFrom(weights, cols, (c) => assignment.indexOf(c), scales),
  };
}

/** Clusters of 1, 3, 5, … columns in no order, with scales; of two columns or more, one is dropped. */
function clustered(weights: DenseMatrix): CompressedLayer {
  const { cols } = weights;
  const assignment = shuffled(cols, 2).map((place) =>
    place < cols - 1 || cols === 1 ? Math.floor(Math.sqrt(place)) : -1,
  );
  const scales = Float32Array.from({ length: cols }, (_, j) => 0.5 + ((j * 7) % 11) / 10);
  return {
    assignment,
    scales,
    centroids: centroidsFrom(weights, Math.max(...assignment) + 1, (c) => assignment.indexOf(c)),
  };
}

/** Column c is column `source(c)` of W, divided by its scale. */
function centroidsFrom(
  weights: DenseMatrix,
  k: number,
  source: (c: number) => number,
  scales?: Float32Array,
): DenseMatrix {
  const result = denseMatrix(weights.rows, k);
  for (let c = 0; c < k; c++) {
    const j = source(c);
    for (let i = 0; i < weights.rows; i++) {
      result.data[i * k + c] = weights.data[i * weights.cols + j]! / (scales?.[j] ?? 1);
    }
  }
  return result;
}

/** The numbers from 0 to n − 1 in a random order. */
function shuffled(count: number, seed: number): Int32Array {
  return new Random(seed).shuffle(Int32Array.from({ length: count }, (_, j) => j));
}
