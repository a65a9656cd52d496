/** Instructions that fit no model, made from one: every format has to refuse them. */

import type { InputErrorCode } from '../errors.js';
import { foldsOf } from '../folding/model-folds.js';
import { type Passage, upstreamOf } from '../folding/upstream.js';
import type { FcLayer, Model } from '../format/model-format.js';
import type { FeatureRewrite, InputForm, LayerRewrite, ModelRewrite } from '../format/model-rewrite.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';

/** A kind of wrong rewrite. */
export interface WrongRewrite {
  /** What is wrong, as the end of `a rewrite with …`. */
  readonly what: string;
  readonly code: InputErrorCode;
  /** Undefined where the model has no place for this mistake. */
  of(model: Model): ModelRewrite | undefined;
}

const wrong = (
  what: string,
  of: (model: Model) => ModelRewrite | undefined,
  code: InputErrorCode = 'BAD_ARGUMENT',
): WrongRewrite => ({ what, code, of });

/** A mistake in the rewrite of a layer that is otherwise left as it is. */
const wrongLayer = (
  what: string,
  spoil: (same: LayerRewrite, layer: FcLayer) => Partial<LayerRewrite> | undefined,
  code?: InputErrorCode,
): WrongRewrite =>
  wrong(
    what,
    (model) => {
      for (const layer of model.layers) {
        const same = unchanged(model, layer.name);
        const spoiled = spoil(same, layer);
        if (spoiled) return { layers: [{ ...same, ...spoiled }], features: [] };
      }
      return undefined;
    },
    code,
  );

/** A mistake in the form of a layer's input that otherwise keeps every column by itself. */
const wrongInput = (
  what: string,
  spoil: (columns: number) => Partial<InputForm> | undefined,
  code?: InputErrorCode,
): WrongRewrite =>
  wrongLayer(
    what,
    (_, { inputs }) => {
      const alone = { gather: null, multiply: null, groups: [{ size: 1, count: inputs }] };
      const spoiled = spoil(inputs);
      return spoiled && { input: { ...alone, ...spoiled } };
    },
    code,
  );

/** A mistake in the rewrite of an operation with parameters per feature. */
const wrongFeatures = (
  what: string,
  spoil: (features: number) => Partial<FeatureRewrite> | undefined,
  code?: InputErrorCode,
): WrongRewrite =>
  wrong(
    what,
    (model) => {
      const place = parametersBefore(model);
      const spoiled = place && spoil(place.features);
      if (!spoiled) return undefined;
      const same = { operation: place.operation, order: null, scales: null };
      return { layers: [], features: [{ ...same, ...spoiled }] };
    },
    code,
  );

export const WRONG_REWRITES: readonly WrongRewrite[] = [
  wrong('the same layer twice', (model) => {
    const same = unchanged(model, model.layers[0]!.name);
    return { layers: [same, same], features: [] };
  }),
  wrongLayer('an unknown layer', ({ layer }) => ({ layer: `${layer}/there-is-none` }), 'UNKNOWN_NAME'),
  wrong('an unknown operation', (model) => nothing(`${model.layers[0]!.name}/there-is-none`), 'UNKNOWN_NAME'),
  wrong(
    'a name that only begins as an operation',
    (model) => {
      const name = parametersBefore(model)?.operation ?? chain(model)[0]?.name;
      return name === undefined ? undefined : nothing(`${name}/there-is-none`);
    },
    'UNKNOWN_NAME',
  ),
  wrong('an operation without parameters per feature', (model) => {
    const found = chain(model).find(({ effect }) =>
      /^(?:linear|homogeneous|elementwise|layout)$/.test(effect.type),
    );
    return found && nothing(found.name);
  }),
  wrong('the same operation twice', (model) => {
    const place = parametersBefore(model);
    const same = place && { operation: place.operation, order: null, scales: null };
    return same && { layers: [], features: [same, same] };
  }),

  wrongLayer(
    'values that do not fill their shape',
    ({ weights }) => ({
      weights: { ...weights, data: weights.data.subarray(1) },
    }),
    'BAD_MATRIX',
  ),
  wrongLayer(
    'a weight that is no number',
    ({ weights }) => ({
      weights: { ...weights, data: withFirst(weights.data, Number.NaN) },
    }),
    'BAD_MATRIX',
  ),
  wrongLayer('rows and columns exchanged', ({ weights: { rows, cols }, ...same }) =>
    rows === cols
      ? undefined
      : { weights: transpose(zeros(rows, cols)), bias: same.bias && new Float32Array(cols) },
  ),
  wrongLayer('a column too many', ({ weights }) => ({ weights: zeros(weights.rows, weights.cols + 1) })),
  wrongLayer('an output less than what reads them', (same) => fewer(same, 1)),
  wrongLayer('no outputs', (same) => fewer(same, same.weights.rows)),
  wrongLayer('a bias that is too short', ({ bias, weights }) => ({
    bias: bias ? bias.subarray(1) : new Float32Array(weights.rows - 1),
  })),
  wrongLayer('a bias that is too long', ({ weights }) => ({ bias: new Float32Array(weights.rows + 1) })),
  wrongLayer('a bias that is left out', ({ bias }) => (bias === null ? undefined : { bias: null })),
  wrongLayer(
    'a bias that is not finite',
    ({ weights }) => ({
      bias: new Float32Array(weights.rows).fill(Number.POSITIVE_INFINITY),
    }),
    'BAD_MATRIX',
  ),

  wrongInput('a gather that is too short', (columns) => ({ gather: places(columns).subarray(1) })),
  wrongInput('a gather that is too long', (columns) => ({ gather: Int32Array.of(...places(columns), 0) })),
  wrongInput('a position behind the columns', (columns) => ({ gather: places(columns).fill(columns, 0, 1) })),
  wrongInput('a position before the columns', (columns) => ({ gather: places(columns).fill(-1, 0, 1) })),
  wrongInput('a column that is picked twice', (columns) =>
    columns < 2 ? undefined : { gather: places(columns).fill(1, 0, 1) },
  ),
  wrongInput('a factor too few', (columns) => ({ multiply: new Float32Array(columns - 1).fill(1) })),
  wrongInput('a factor too many', (columns) => ({ multiply: new Float32Array(columns + 1).fill(1) })),
  wrongInput(
    'a factor that is no number',
    (columns) => ({ multiply: new Float32Array(columns).fill(Number.NaN) }),
    'BAD_MATRIX',
  ),
  wrongInput('no clusters', () => ({ groups: [] })),
  wrongInput('clusters without members', (columns) => ({ groups: [{ size: 0, count: columns }] })),
  wrongInput('a cluster less than the columns of the weights', (columns) =>
    columns < 2
      ? undefined
      : {
          groups: [
            { size: 1, count: columns - 2 },
            { size: 2, count: 1 },
          ].filter(({ count }) => count > 0),
        },
  ),
  wrongInput('clusters of more columns than there are', (columns) => ({
    groups: [{ size: 2, count: columns }],
  })),

  wrongFeatures('a feature behind the last', (features) => ({
    order: places(features).fill(features, 0, 1),
  })),
  wrongFeatures('a feature before the first', (features) => ({ order: places(features).fill(-1, 0, 1) })),
  wrongFeatures('a feature that is taken twice', (features) =>
    features < 2 ? undefined : { order: places(features).fill(1, 0, 1) },
  ),
  wrongFeatures('features that nothing reads in their order', (features) =>
    features < 2 ? undefined : { order: places(features).reverse() },
  ),
  wrongFeatures('a feature less than what reads them', (features) =>
    features < 2 ? undefined : { order: places(features).subarray(1) },
  ),
  wrongFeatures('a factor too few for the features', (features) => ({
    scales: new Float32Array(features - 1),
  })),
  wrongFeatures(
    'a factor of a feature that is no number',
    (features) => ({ scales: new Float32Array(features).fill(Number.NaN) }),
    'BAD_MATRIX',
  ),

  wrong('a sum of parameters that do not add up', (model) => {
    const found = chain(model).find(({ effect: { type } }) => /^(?:affine|bound|.*-per-feature)$/.test(type));
    return found && 'features' in found.effect ? summing(found.name, found.effect.features) : undefined;
  }),
  wrong('a sum of less features than there are', (model) => {
    const place = addedUp(model);
    return place && place.features > 1 ? summing(place.operation, place.features - 1) : undefined;
  }),
  wrong('a sum that the layer behind it does not read', (model) => {
    const place = addedUp(model);
    return place && summing(place.operation, place.features);
  }),
  wrong('a sum before something that is not linear', (model) => {
    const place = addedUp(model, false);
    if (place === undefined) return undefined;
    const { orderInto, targetIsLayer } = foldsOf(model).get(place.reader)!;
    const reader = unchanged(model, place.reader);
    const layers = [{ ...reader, weights: zeros(reader.weights.rows, 1) }];
    if (targetIsLayer) {
      const maker = unchanged(model, orderInto!);
      layers.push({ ...maker, ...fewer(maker, place.features - 1) });
    }
    return { ...summing(place.operation, place.features), layers };
  }),
];

function unchanged(model: Model, layer: string): LayerRewrite {
  return { layer, weights: model.weights(layer), bias: model.bias(layer) ?? null, input: null };
}

/** A layer with less rows. */
function fewer({ weights, bias }: LayerRewrite, by: number): Partial<LayerRewrite> {
  const rows = weights.rows - by;
  return { weights: zeros(rows, weights.cols), bias: bias && new Float32Array(rows) };
}

/** The rewrite of an operation that changes nothing. */
function nothing(operation: string): ModelRewrite {
  return { layers: [], features: [{ operation, order: null, scales: null }] };
}

/** The parameters of an operation, all added up to those of one feature. */
function summing(operation: string, features: number): ModelRewrite {
  const sums = [{ size: features, count: 1 }];
  return { layers: [], features: [{ operation, order: null, scales: null, sums }] };
}

function zeros(rows: number, cols: number): DenseMatrix {
  return denseMatrix(rows, cols);
}

function places(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

function withFirst(values: Float32Array, first: number): Float32Array {
  const result = values.slice();
  result[0] = first;
  return result;
}

/** What stands before the layers, as far as their order folds. */
function chain(model: Model): Passage[] {
  return model.layers.flatMap((layer) => before(model, layer));
}

/** What stands before a layer, as far as its order folds. */
function before(model: Model, { name, input }: FcLayer): Passage[] {
  const { path, orderInto } = foldsOf(model).get(name)!;
  const found: Passage[] = [];
  let tensor = input;
  for (let i = 0; i < path.length + (orderInto === null ? 0 : 1); i++) {
    const operation = upstreamOf(model.graph).producer(tensor)!;
    found.push(operation);
    tensor = operation.input;
  }
  return found;
}

/** An operation with parameters per feature whose order folds. */
function parametersBefore(model: Model): { operation: string; features: number } | undefined {
  for (const { name, effect } of chain(model)) {
    if (effect.type === 'convolution') return { operation: name, features: effect.filters };
    if ('features' in effect) return { operation: name, features: effect.features };
  }
  return undefined;
}

/** An operation whose parameters add up, before a layer whose sums fold, or do not. */
function addedUp(
  model: Model,
  folds = true,
): { operation: string; features: number; reader: string } | undefined {
  for (const layer of model.layers) {
    const reader = layer.name;
    if ((foldsOf(model).get(reader)!.sumInto !== null) !== folds) continue;
    for (const { name, effect } of before(model, layer)) {
      if (effect.type === 'convolution') return { operation: name, features: effect.filters, reader };
      if (effect.type === 'shift') return { operation: name, features: effect.features, reader };
    }
  }
  return undefined;
}
