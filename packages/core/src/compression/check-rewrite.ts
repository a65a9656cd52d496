/**
 * Whether instructions fit the model that they are for. Every `Model.rewrite` asks here first, so that a wrong rewrite is refused in
 * the same words by every format, and formats need no checks of their own.
 *
 * What cannot be seen from shapes is up to the caller: whether the rows of a layer were reordered as its reader's columns were.
 */
import { InputError, type InputErrorCode } from '../errors.js';
import { foldsOf } from '../folding/model-folds.js';
import { type Passage, upstreamOf } from '../folding/upstream.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer, Model } from '../format/model-format.js';
import type { ClusterGroup, FeatureRewrite, LayerRewrite, ModelRewrite } from '../format/model-rewrite.js';
import { featuresAfter } from '../format/transform-features.js';

/** What a layer or operation that makes another number of features than before changes on the way to the layer that reads them. */
export interface WidthChange {
  readonly from: number;
  readonly to: number;
  /** The operations that pass the features on, upstream first. */
  readonly through: readonly string[];
  /** The layer that reads them. */
  readonly reader: string;
}

type ByName<T> = ReadonlyMap<string, T>;

/**
 * @returns every layer and operation that makes another number of features after the rewrite, by name
 * @throws InputError `UNKNOWN_NAME` for a layer or operation that the model does not have, `BAD_MATRIX` for weights that are not finite or
 *   do not fill their shape, `UNSUPPORTED` for filters that are shared or grouped, `BAD_ARGUMENT` for all else that does not fit
 */
export function checkRewrite(model: Model, rewrite: ModelRewrite): ReadonlyMap<string, WidthChange> {
  const layers = byName(rewrite.layers, ({ layer }) => layer);
  const features = byName(rewrite.features, ({ operation }) => operation);
  const known = new Map(model.layers.map((layer) => [layer.name, layer]));
  for (const [name, change] of layers) {
    if (!known.has(name)) {
      const names = [...known.keys()].join(', ') || 'none';
      throw refusal('UNKNOWN_NAME', `no fully connected layer is called ${name}; there are: ${names}`);
    }
    checkWeights(model, change, spanOf(known.get(name)!));
  }
  if (features.size > 0) {
    const operations = operationsOf(model);
    for (const [name, change] of features) {
      const operation = operations.get(name);
      if (operation === undefined) throw refusal('UNKNOWN_NAME', `no operation is called ${name}`);
      checkFeatures(operation, change);
    }
  }
  const widths = new Map<string, WidthChange>();
  const followed = new Set<string>();
  for (const layer of model.layers) {
    const { orderInto, path, steps } = foldsOf(model).get(layer.name)!;
    const width = widthBefore(model, layer, known, layers, features);
    const change = layers.get(layer.name);
    if (change !== undefined) checkInput(change, width);
    else if (width !== layer.inputs) {
      throw refusal('BAD_ARGUMENT', `${layer.name}: ${width} features reach its ${layer.inputs} columns`);
    }
    if (orderInto === null) continue;
    for (const name of [orderInto, ...steps.map(({ operation }) => operation)]) followed.add(name);
    if (width === layer.inputs) continue;
    widths.set(orderInto, { from: layer.inputs, to: width, through: path.toReversed(), reader: layer.name });
  }
  for (const [name, { weights }] of layers) {
    const layer = known.get(name)!;
    if (weights.rows === layer.outputs * spanOf(layer) || followed.has(name)) continue;
    const readers = "they reach the model's output, or something that cannot follow";
    throw refusal(
      'BAD_ARGUMENT',
      `${name}: ${weights.rows / spanOf(layer)} rows in place of ${layer.outputs} outputs: ${readers}`,
    );
  }
  for (const [name, { order, sums }] of features) {
    if ((order === null && sums === undefined) || followed.has(name)) continue;
    throw refusal('BAD_ARGUMENT', `${name}: no layer's columns follow the order of its features`);
  }
  return widths;
}

function refusal(code: InputErrorCode, what: string): InputError {
  return new InputError(code, `rewrite: ${what}`);
}

function byName<T>(changes: readonly T[], nameOf: (change: T) => string): ByName<T> {
  const result = new Map<string, T>();
  for (const change of changes) {
    const name = nameOf(change);
    if (result.has(name)) throw refusal('BAD_ARGUMENT', `${name} is rewritten twice`);
    result.set(name, change);
  }
  return result;
}

/** Everything that stands before a layer or an output, by name. */
function operationsOf({ layers, outputs, graph }: Model): ByName<Passage> {
  const found = new Map<string, Passage>();
  const seen = new Set<string>();
  for (const start of [...layers.map(({ input }) => input), ...outputs.map(({ name }) => name)]) {
    for (let tensor = start; !seen.has(tensor); ) {
      seen.add(tensor);
      const operation = upstreamOf(graph).producer(tensor);
      if (operation === undefined) break;
      found.set(operation.name, operation);
      tensor = operation.input;
    }
  }
  return found;
}

/** @param span rows per output */
function checkWeights(model: Model, { layer, weights, bias }: LayerRewrite, span: number): void {
  const { rows, cols, data } = weights;
  if (data.length !== rows * cols) {
    throw refusal('BAD_MATRIX', `${layer}: ${data.length} values for weights [${rows}, ${cols}]`);
  }
  if (rows % span !== 0) {
    throw refusal('BAD_ARGUMENT', `${layer}: ${rows} rows, where each output has ${span}`);
  }
  if (rows === 0) throw refusal('BAD_ARGUMENT', `${layer}: no outputs`);
  if (cols === 0) throw refusal('BAD_ARGUMENT', `${layer}: no clusters`);
  checkFinite(data, `${layer}: the weights`);
  if (bias === null) {
    if (model.bias(layer) === undefined) return;
    throw refusal('BAD_ARGUMENT', `${layer}: it has a bias, and needs ${rows / span} values in its place`);
  }
  if (bias.length !== rows / span) {
    throw refusal('BAD_ARGUMENT', `${layer}: ${bias.length} bias values but weights of ${rows} rows`);
  }
  checkFinite(bias, `${layer}: the bias`);
}

/** Whether a layer brings so many features to its weights' columns. */
function checkInput({ layer, weights, input }: LayerRewrite, width: number): void {
  if (input === null) {
    if (weights.cols === width) return;
    throw refusal('BAD_ARGUMENT', `${layer}: ${width} features but weights of ${weights.cols} columns`);
  }
  const { gather, multiply, groups } = input;
  checkGroups(groups, layer);
  const clusters = groups.reduce((sum, { count }) => sum + count, 0);
  if (clusters !== weights.cols) {
    throw refusal('BAD_ARGUMENT', `${layer}: ${clusters} clusters but weights of ${weights.cols} columns`);
  }
  if (gather !== null) checkPositions(gather, width, `${layer}: the gather`);
  const positions = gather?.length ?? width;
  checkMembers(groups, positions, layer);
  if (multiply === null) return;
  if (multiply.length !== positions) {
    throw refusal('BAD_ARGUMENT', `${layer}: ${multiply.length} factors for ${positions} positions`);
  }
  checkFinite(multiply, `${layer}: the factors`);
}

function checkFeatures({ name, label, effect }: Passage, { order, scales, sums }: FeatureRewrite): void {
  const what = name === label ? label : `${label} ${name}`;
  if (effect.type === 'convolution' && !effect.foldable) {
    throw refusal('UNSUPPORTED', `the filters of ${what} are shared or grouped`);
  }
  const features =
    effect.type === 'convolution' ? effect.filters : 'features' in effect ? effect.features : undefined;
  if (features === undefined) {
    throw refusal('BAD_ARGUMENT', `${what} has no parameters per feature that can be rewritten`);
  }
  if (order !== null) {
    if (order.length === 0) throw refusal('BAD_ARGUMENT', `${what}: no features`);
    checkPositions(order, features, `${what}: the order`);
  }
  const ordered = order?.length ?? features;
  if (sums !== undefined) {
    const takesSums = effect.type === 'affine' && effect.factors !== undefined;
    if (!takesSums && effect.type !== 'shift' && effect.type !== 'convolution') {
      throw refusal('BAD_ARGUMENT', `${what} has parameters that cannot be added up`);
    }
    checkGroups(sums, what);
    checkMembers(sums, ordered, what);
  }
  if (scales === null) return;
  if (scales.length !== ordered) {
    throw refusal('BAD_ARGUMENT', `${what}: ${scales.length} factors for ${ordered} features`);
  }
  checkFinite(scales, `${what}: the factors`);
}

/** How many features reach a layer after the rewrite. Everything on the way has to have as many, in the same order. */
function widthBefore(
  model: Model,
  { name, inputs }: FcLayer,
  known: ByName<FcLayer>,
  layers: ByName<LayerRewrite>,
  features: ByName<FeatureRewrite>,
): number {
  const { orderInto, sumInto, targetIsLayer, steps } = foldsOf(model).get(name)!;
  if (orderInto === null) return inputs;
  const orderOf = (operation: string): Int32Array | null => features.get(operation)?.order ?? null;
  const sumsOf = (operation: string): readonly ClusterGroup[] => features.get(operation)?.sums ?? [];
  const widthOf = (operation: string): number => {
    const change = features.get(operation);
    return change === undefined ? inputs : featuresAfter(change, inputs);
  };
  const ordered = steps.map(({ operation }) => operation);
  if (!targetIsLayer) ordered.push(orderInto);
  const rowsOf = (layer: string): number => {
    const change = layers.get(layer);
    return change === undefined ? inputs : change.weights.rows / spanOf(known.get(layer)!);
  };
  const width = targetIsLayer ? rowsOf(orderInto) : widthOf(orderInto);
  for (const operation of ordered) {
    const own = widthOf(operation);
    if (own === width) continue;
    throw refusal('BAD_ARGUMENT', `${operation}: parameters of ${own} features for ${width} of ${orderInto}`);
  }
  const summing = ordered.find((operation) => sumsOf(operation).length > 0);
  if (summing !== undefined && sumInto === null) {
    throw refusal(
      'BAD_ARGUMENT',
      `${summing}: its features are added up, but not all is linear before ${name}`,
    );
  }
  const uneven = ordered.find(
    (operation) => summing !== undefined && !sameGroups(sumsOf(operation), sumsOf(summing)),
  );
  if (uneven !== undefined) {
    throw refusal('BAD_ARGUMENT', `${uneven}: its features are not added up as those of ${summing}`);
  }
  const first = ordered[0] === undefined ? null : orderOf(ordered[0]);
  const other = ordered.find((operation) => !sameOrder(orderOf(operation), first));
  if (other !== undefined) {
    throw refusal('BAD_ARGUMENT', `${other}: its features are in another order than those of ${ordered[0]}`);
  }
  const follows = first !== null || summing !== undefined;
  const left = follows && [...(targetIsLayer ? [orderInto] : []), name].find((layer) => !layers.has(layer));
  if (left) throw refusal('BAD_ARGUMENT', `${left}: it has to follow the order of ${ordered[0]}`);
  return width;
}

/** Whether two orders of one length agree; null is the order as it is. */
function sameOrder(a: Int32Array | null, b: Int32Array | null): boolean {
  if (a === b) return true;
  return (a ?? b)!.every((position, i) => position === (a && b ? b[i] : i));
}

function sameGroups(a: readonly ClusterGroup[], b: readonly ClusterGroup[]): boolean {
  return (
    a.length === b.length && a.every(({ size, count }, i) => size === b[i]!.size && count === b[i]!.count)
  );
}

function checkGroups(groups: readonly ClusterGroup[], what: string): void {
  if (groups.every(({ size, count }) => isCount(size) && isCount(count))) return;
  throw refusal('BAD_ARGUMENT', `${what}: a group needs a size and a count of at least 1`);
}

/** Whether groups have as many members as there are positions. */
function checkMembers(groups: readonly ClusterGroup[], positions: number, what: string): void {
  const members = groups.reduce((sum, { size, count }) => sum + size * count, 0);
  if (positions === members) return;
  throw refusal('BAD_ARGUMENT', `${what}: ${positions} positions but groups of ${members}`);
}

/** Each feature has one place in a result. */
function checkPositions(positions: Int32Array, size: number, what: string): void {
  const taken = new Uint8Array(size);
  for (const position of positions) {
    if (position < 0 || position >= size) {
      throw refusal('BAD_ARGUMENT', `${what} takes feature ${position} of ${size}`);
    }
    if (taken[position] === 1) throw refusal('BAD_ARGUMENT', `${what} takes feature ${position} twice`);
    taken[position] = 1;
  }
}

function checkFinite(values: Float32Array, what: string): void {
  const i = values.findIndex((value) => !Number.isFinite(value));
  if (i >= 0) throw refusal('BAD_MATRIX', `${what} must be finite, got ${values[i]} at position ${i}`);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
