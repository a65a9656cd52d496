/** The large float weights of a model in another type, as the manifest of TensorFlow.js has them: its stock loaders read all of these. */
import {
  relativeRounding,
  roundingEnergies,
  type StorageReport,
  type WeightType,
  whyNotHeld,
} from '@spherize/core';
import { valuesAs } from './storage.js';
import { floatValues, floatWeight, isFloat, sizeOf, type Weight, type Weights } from './weights.js';

/** Weights of fewer values stay: what the manifest says of their type takes as much as is saved. */
const FEWEST_VALUES = 1024;

/** Whole numbers lie on a grid of the whole tensor: a scale and a minimum. */
const TYPES = { float16: 'float16', int16: 'uint16', int8: 'uint8' } as const;
const FORMS: Readonly<Record<WeightType, string>> = {
  float32: 'float32',
  float16: 'float16',
  int16: 'uint16, a scale and a minimum per tensor',
  int8: 'uint8, a scale and a minimum per tensor',
};

export interface StoredWeights {
  readonly weights: Weights;
  /** With the values that the stored ones are read as. */
  readonly floats: Weights;
  readonly report: StorageReport;
}

/** Weights that are in the type already stay as they are, to the bit. */
export function storeWeights(weights: Weights, type: WeightType): StoredWeights {
  const stored = new Map<string, Weight>();
  const floats = new Map<string, Weight>();
  const kept: { name: string; reason: string }[] = [];
  let [tensors, values, lost, square] = [0, 0, 0, 0];
  for (const [name, weight] of weights) {
    const own = isWeights(weight) ? storedWeight(weight, type) : weight;
    const result = typeof own === 'string' ? weight : own;
    if (typeof own === 'string') kept.push({ name, reason: own });
    stored.set(name, result);
    floats.set(name, asFloats(result));
    if (!isWeights(result) || type === 'float32' || result.spec.quantization?.dtype !== TYPES[type]) continue;
    const [before, after] = [floatValues(weight), floatValues(result)];
    tensors++;
    values += before.length;
    const energies = roundingEnergies(before, after);
    square += energies.square;
    lost += energies.lost;
  }
  const error = relativeRounding({ lost, square });
  return { weights: stored, floats, report: { type, form: FORMS[type], tensors, values, error, kept } };
}

function isWeights(weight: Weight): boolean {
  const { shape, group } = weight.spec;
  return isFloat(weight) && shape.length >= 2 && sizeOf(shape) >= FEWEST_VALUES && group !== 'optimizer';
}

/** The weight in a type, or why it stays as it is. */
function storedWeight(weight: Weight, type: WeightType): Weight | string {
  const { spec } = weight;
  if (type === 'float32') return asFloats(weight);
  const dtype = TYPES[type];
  if (spec.quantization?.dtype === dtype) return weight;
  const values = floatValues(weight);
  const found = valuesAs(dtype, values);
  const why = whyNotHeld(values, found?.decoded ?? new Float32Array(values.length).fill(Number.NaN), {
    rows: 1,
    inner: values.length,
  });
  if (found === undefined || why !== undefined) {
    const now = spec.quantization?.dtype ?? spec.dtype;
    return why === 'not finite'
      ? `holds values that are not finite: stays ${now}`
      : `has values ${why} for ${dtype}: stays ${now}`;
  }
  const { bytes, decoded, grid } = found;
  return { spec: { ...spec, quantization: { dtype, ...grid } }, bytes, decoded };
}

/** The values as float32. */
function asFloats(weight: Weight): Weight {
  const { spec } = weight;
  if (!isFloat(weight) || spec.quantization === undefined) return weight;
  const { bytes } = floatWeight(spec.name, spec.shape, floatValues(weight));
  const { quantization, ...plain } = spec;
  return { spec: plain, bytes };
}
