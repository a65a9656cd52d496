/** What operators do to the factors and the order of the features that pass them. */
import { ELEMENTWISE, HOMOGENEOUS, LINEAR, type OperationEffect, stops } from '@spherize/core';
import { TensorProto_DataType as DataType, type TensorProto } from 'onnx-buf';
import { attribute, intAttribute } from '../../proto/onnx-protos.js';
import { dimsOf, floatValues, isFloatType, sizeOf } from '../../proto/tensor-values.js';
import { channelScales, isInference } from './batch-normalisation.js';
import type { EffectContext, EffectRule } from './operator.js';
import { placeAfterReshape, readsOtherSizes, reshapeForm } from './reshape-forms.js';

/** Float types that hold more than those of 16 bits, wider ones last. */
const WIDE_FLOATS: readonly number[] = [DataType.FLOAT, DataType.DOUBLE];

/** Whether a constant operand holds the same for all features, or one value for each feature of the tensor it is combined with. */
function parameterKind(
  operand: string,
  input: string,
  context: EffectContext,
): 'alike' | 'feature' | undefined {
  const tensor = context.index.constant(operand);
  if (tensor === undefined) return undefined;
  const dims = dimsOf(tensor);
  const axis = context.axes.of(input);
  const rank = axis.rank ?? context.shapes.rank(input);
  if (dims.length > Math.max(rank ?? 1, 1)) return undefined;
  const size = sizeOf(tensor);
  if ((dims.at(-1 - axis.back) ?? 1) === 1) return 'alike';
  if (axis.count !== undefined && axis.count !== size) return undefined;
  return isFloatType(tensor.dataType) && dims.at(-1 - axis.back) === size ? 'feature' : undefined;
}

function isZero(tensor: TensorProto): boolean {
  return isFloatType(tensor.dataType) && floatValues(tensor).every((value) => value === 0);
}

function featuresOf(operand: string, { index }: EffectContext): number {
  return sizeOf(index.constant(operand)!);
}

/** Whether a tensor is a function of one number that is reduced from the features, as a variance or its root is. */
function isOfAllFeatures(tensor: string, context: EffectContext): boolean {
  const { index, axes } = context;
  const node = index.producer(tensor);
  if (node === undefined) return false;
  if (/^Reduce(?!Log|Prod)/.test(node.opType)) return !axes.carries(tensor);
  if (!/^(?:Add|Sub|Max|Clip|Sqrt|Pow|Div|Reciprocal|Cast|Identity)$/.test(node.opType)) return false;
  const varying = node.input.filter((name) => name !== '' && index.constantSource(name) === undefined);
  return varying.length === 1 && isOfAllFeatures(varying[0]!, context);
}

/** What a constant does that an operator combines with its input. */
export interface Combination {
  /** The same for all features: one value, or one per sample or position. Left out: elementwise. */
  readonly alike?: (value: TensorProto, slot: number) => OperationEffect;
  /** One value per feature. Left out: elementwise. */
  readonly feature?: (features: number, slot: number) => OperationEffect;
}

/** Values of several tensors are combined one by one: constants are parameters. */
export function combines({ alike, feature }: Combination = {}): EffectRule {
  return (node, input, context) => {
    const slot = node.input.findIndex((name) => context.index.constant(name));
    if (slot < 0 || node.input.length !== 2 || node.input[1 - slot] !== input) {
      const normalises =
        /^(?:Mul|Div)$/.test(node.opType) && node.input.some((name) => isOfAllFeatures(name, context));
      return stops(normalises ? 'normalises over all features' : 'combines several tensors');
    }
    const kind = parameterKind(node.input[slot]!, input, context);
    const tensor = context.index.constant(node.input[slot]!)!;
    if (kind === 'alike') return alike?.(tensor, slot) ?? ELEMENTWISE;
    if (kind === undefined) return stops('has a constant that is not per feature');
    const features = sizeOf(tensor);
    return feature?.(features, slot) ?? { type: 'elementwise-per-feature', features };
  };
}

/** `v + β`: factors go into β as well. */
export const shifts: EffectRule = (node, input, context) =>
  node.input.length === 1
    ? LINEAR
    : combines({ feature: (features) => ({ type: 'shift', features }) })(node, input, context);

/** max(v, β): likewise, and homogeneous where β is a single zero. */
export const bounds: EffectRule = (node, input, context) =>
  node.input.length === 1
    ? LINEAR
    : combines({
        alike: (value) => (isZero(value) ? HOMOGENEOUS : ELEMENTWISE),
        feature: (features) => ({ type: 'bound', features }),
      })(node, input, context);

export const multiplies: EffectRule = combines({
  alike: () => LINEAR,
  feature: (features) => ({ type: 'affine', features }),
});

export const divides: EffectRule = combines({
  alike: (_, slot) => (slot === 1 ? LINEAR : ELEMENTWISE),
  feature: (features, slot) => ({ type: slot === 1 ? 'affine' : 'elementwise-per-feature', features }),
});

/** A slope for negative values. */
export const slopes: EffectRule = (node, input, context) => {
  const kind = parameterKind(node.input[1]!, input, context);
  if (kind === 'alike') return HOMOGENEOUS;
  return kind === 'feature'
    ? { type: 'homogeneous-per-feature', features: featuresOf(node.input[1]!, context) }
    : stops('has slopes that are not per feature');
};

/** Where one tensor varies and the others are constants: each feature is chosen, or replaced, alike. */
export const chooses: EffectRule = (node, input, context) => {
  const constants = node.input.filter((name) => name !== input);
  const values = constants.flatMap((name) => context.index.constant(name) ?? []);
  if (values.length !== 2) return stops('combines several tensors');
  if (constants.some((name) => parameterKind(name, input, context) !== 'alike'))
    return stops('has constants that differ from feature to feature');
  return node.input[0] !== input && isZero(values[1]!) ? LINEAR : ELEMENTWISE;
};

/** A function of v + bias, with or without the bias. */
export const biased: EffectRule = (node, input, context) => {
  const bias = node.input[1];
  if (!bias) return ELEMENTWISE;
  return parameterKind(bias, input, context) === 'feature'
    ? { type: 'elementwise-per-feature', features: featuresOf(bias, context) }
    : stops('has a bias that is not per feature');
};

export const dropout: EffectRule = (node, _, { index }) => {
  const training = node.input[2];
  if (!training) return LINEAR;
  const tensor = index.constant(training);
  const off = tensor !== undefined && (tensor.rawData[0] ?? tensor.int32Data[0] ?? 0) === 0;
  return off ? LINEAR : stops('may be in training mode');
};

/** Clip(min=0) without a maximum is Relu, and without a minimum it does nothing. */
export const clips: EffectRule = (node, _, { index }) => {
  const bound = (slot: number, name: string, missing: number): number | undefined => {
    const operand = node.input[slot];
    if (!operand) return attribute(node, name)?.f ?? missing;
    const tensor = index.constant(operand);
    return tensor !== undefined && isFloatType(tensor.dataType) ? floatValues(tensor)[0] : undefined;
  };
  const min = bound(1, 'min', -Infinity);
  const max = bound(2, 'max', Infinity);
  if (min === undefined || max === undefined || max < 3.4e38) return ELEMENTWISE;
  if (min <= -3.4e38) return LINEAR;
  return min === 0 ? HOMOGENEOUS : ELEMENTWISE;
};

/** Between float types factors pass; others round or cut off. Sums pass where the type before holds whatever the type behind does. */
export const casts: EffectRule = (node, input, { shapes }) => {
  const [before, after] = [shapes.elementType(input), shapes.elementType(node.output[0]!)] as const;
  if (!isFloatType(before) || !isFloatType(after)) return ELEMENTWISE;
  return before === after || WIDE_FLOATS.indexOf(before) > WIDE_FLOATS.indexOf(after) ? LINEAR : HOMOGENEOUS;
};

/** With one scale for all values, which are constants. */
export const quantises: EffectRule = (node, _, { index }) => {
  const constants = node.input.slice(1).filter((name) => name !== '');
  const single = constants.every((name) => {
    const tensor = index.constant(name);
    return tensor !== undefined && sizeOf(tensor) === 1;
  });
  return single ? ELEMENTWISE : stops('has scales that are no single constant');
};

export const convolves: EffectRule = (node, _, { index, axes }) => {
  const { count: filters, made } = axes.of(node.output[0]!);
  if (filters === undefined || !made) return stops('has filters of unknown number');
  const own = node.input.slice(1).every((operand) => {
    if (operand === '') return true;
    const tensor = index.constant(operand);
    return tensor !== undefined && isFloatType(tensor.dataType) && index.uses(operand) === 1;
  });
  const groups = intAttribute(node, 'group', 1);
  const weights = own ? index.constant(node.input[1]!) : undefined;
  // One filter per channel is a linear function of it, with a bias.
  if (weights && groups > 1 && groups === filters && dimsOf(weights)[1] === 1)
    return { type: 'affine', features: filters };
  return { type: 'convolution', filters, foldable: own && groups === 1 };
};

/** The largest, the mean or another function of each feature over some places. */
export function pools(effect: OperationEffect): EffectRule {
  return (node, _, { axes }) => (axes.carries(node.output[0]!) ? effect : stops('pools along the features'));
}

/** A function of each feature over other axes. */
export function reduces(effect: OperationEffect): EffectRule {
  return (node, _, { axes }) =>
    axes.carries(node.output[0]!) ? effect : stops('may reduce the axis of the features or of the samples');
}

/** γ and β of each channel behind its own mean and variance over a fixed set, or over its own positions. */
export const normalisesChannels: EffectRule = (node, input, { index, axes }) => {
  const axis = axes.of(input);
  const vectors = node.input.slice(1).map((name) => index.constant(name));
  const fits = vectors.every(
    (tensor) =>
      tensor !== undefined &&
      isFloatType(tensor.dataType) &&
      (axis.count === undefined || sizeOf(tensor) === axis.count),
  );
  const onFeatures = axis.rank !== undefined && axis.rank - 1 - axis.back === 1;
  const features = vectors[0] && sizeOf(vectors[0]);
  if (!isInference(node)) return stops('may be in training mode');
  return fits && onFeatures && features !== undefined
    ? { type: 'affine', features, factors: channelScales(node, index)?.factors }
    : stops('has parameters that are not per feature');
};

/** γ and β take factors where they are constants, one for each of the features. */
export const normalisesFeatures: EffectRule = (node, input, context) => {
  const { shapes, axes } = context;
  const rank = shapes.rank(input);
  const axis = intAttribute(node, 'axis', -1);
  const vectors = node.input.slice(1).filter((name) => name !== '');
  const overLast = axis === -1 || (rank !== undefined && axis === rank - 1);
  if (!overLast || axes.of(input).back !== 0) return stops('normalises over other axes than the last one');
  return vectors.every((name) => parameterKind(name, input, context) === 'feature')
    ? { type: 'normalization', features: featuresOf(vectors[0]!, context) }
    : stops('has parameters that are not per feature');
};

export const flattens: EffectRule = (node, input, { axes, shapes }) => ({
  type: 'layout',
  perSample:
    placeAfterReshape(axes.of(input), shapes.sizes(input), shapes.sizes(node.output[0]!)) !== undefined ||
    intAttribute(node, 'axis', 1) === 1,
});

export const reshapes: EffectRule = (node, input, context) => {
  const form = reshapeForm(context, node, context.axes.of(input));
  if (form === undefined) return stops('may split or merge features');
  return { type: 'layout', perSample: form.kept || form.perSample, size: form.features };
};

export const movesAxes: EffectRule = (node, _, { axes }) =>
  axes.carries(node.output[0]!)
    ? { type: 'layout', perSample: true }
    : stops('may change which axis is the last one');

export const transposes: EffectRule = (node, _, { axes }) =>
  axes.carries(node.output[0]!) ? LINEAR : stops('changes which axis is the last one');

/** Sizes of other axes than that of the features stay as they are. */
export const tellsSizes: EffectRule = (node, input, context) => {
  const { rank, back } = context.axes.of(input);
  const axis = rank === undefined ? undefined : rank - 1 - back;
  return readsOtherSizes(context, node, axis)
    ? { type: 'apart' }
    : stops('tells the shape of a tensor, not its values');
};
