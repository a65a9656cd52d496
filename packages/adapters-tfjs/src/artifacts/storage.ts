/**
 * Values in the type that a weight is stored in: float16, or uint8 and uint16 with a scale and a minimum,
 * `value = scale · stored + min`.
 */
import {
  fromFloat16s,
  relativeRounding,
  roundingEnergies,
  type StorageRounding,
  toFloat16s,
} from '@spherize/core';
import { floatValues, floatWeight, intWeight, isFloat, type Weight, type Weights } from './weights.js';

/** Relative error that rounding to float16 leaves in the values of a tensor, as a root mean square. */
const HALF_ROUNDING = 2 ** -12;

interface Grid {
  readonly scale: number;
  readonly min: number;
}

/** Stored values, and what they are read as. */
export interface Stored {
  readonly bytes: Uint8Array;
  readonly decoded: Float32Array;
  readonly grid?: Grid;
}

/**
 * New values in the type of the weight that they replace. Values that lie on its grid, such as reordered ones, keep it, and so lose
 * nothing; others get the grid of their own range, on which 0 stays 0. What the type cannot hold stays float32.
 *
 * @param like the weight whose type is kept; its values are those before the rewrite
 * @param owner the layer or operation of the rewrite
 */
export function storedAs(
  like: Weight,
  owner: string,
  name: string,
  shape: readonly number[],
  values: Float32Array,
): Weight {
  const { quantization, dtype } = like.spec;
  const plain = floatWeight(name, shape, values);
  if (quantization === undefined || dtype !== 'float32') return plain;
  const stored =
    quantization.dtype === 'float16' ? asHalves(values) : asSteps(values, quantization.dtype, quantization);
  const rounding = { planned: values, owner, before: roundingWithin(like) };
  if (stored === undefined) return { ...plain, rounding };
  const { bytes, decoded, grid } = stored;
  const spec = { ...plain.spec, quantization: { ...quantization, ...grid } };
  const exact = decoded.every((value, i) => value === values[i]!);
  return { spec, bytes, decoded, ...(exact ? {} : { rounding }) };
}

/** Whole numbers in the type of the weight that they replace where their range fits into it, else int32. */
export function storedIntegers(
  like: Weight,
  name: string,
  shape: readonly number[],
  values: Int32Array,
): Weight {
  const plain = intWeight(name, shape, values);
  const { quantization } = like.spec;
  if (quantization === undefined) return plain;
  const min = values.reduce((least, value) => Math.min(least, value), values[0] ?? 0);
  const steps = values.map((value) => value - min);
  if (steps.some((step) => step < 0 || step > stepsOf(quantization.dtype))) return plain;
  const bytes = bytesOf(quantization.dtype, steps);
  return { spec: { ...plain.spec, quantization: { ...quantization, scale: 1, min } }, bytes };
}

/** What the storage of rewritten weights cost; undefined when nothing was rounded. */
export function roundingOf(weights: Weights): Omit<StorageRounding, 'exact'> | undefined {
  const operations = new Map<string, { square: number; lost: number; before: number }>();
  const types = new Set<string>();
  let square = 0;
  let lost = 0;
  for (const weight of weights.values()) {
    const { rounding, spec } = weight;
    if (rounding === undefined) continue;
    const own = roundingEnergies(rounding.planned, floatValues(weight));
    const before = operations.get(rounding.owner) ?? { square: 0, lost: 0, before: 0 };
    operations.set(rounding.owner, {
      square: before.square + own.square,
      // What stayed float32 was not rounded, but is not what was asked for either.
      lost: before.lost + (spec.quantization === undefined ? Number.POSITIVE_INFINITY : own.lost),
      before: Math.max(before.before, rounding.before),
    });
    square += own.square;
    lost += own.lost;
    types.add(spec.quantization?.dtype ?? spec.dtype);
  }
  if (operations.size === 0) return undefined;
  return {
    types: [...types].sort(),
    error: relativeRounding({ lost, square }),
    operations: new Map(
      [...operations].map(([name, { lost, square, before }]) => [
        name,
        { error: relativeRounding({ lost, square }), before },
      ]),
    ),
  };
}

/** The same weights with the values that were planned, all rounded ones as float32. */
export function exactWeights(weights: Weights): Weights {
  return new Map(
    [...weights].map(([name, weight]) => {
      const { rounding, spec } = weight;
      return [name, rounding ? floatWeight(spec.name, spec.shape, rounding.planned) : weight];
    }),
  );
}

/** Bytes of one stored value, over some weights together. */
export function bytesPerValue(weights: readonly Weight[]): number {
  const bytes = weights.reduce((sum, weight) => sum + weight.bytes.length, 0);
  const values = weights.reduce((sum, weight) => sum + floatValues(weight).length, 0);
  return values === 0 ? 4 : bytes / values;
}

/** The relative error that the storage of a weight leaves in its values, as a root mean square. */
function roundingWithin(weight: Weight): number {
  const { quantization } = weight.spec;
  if (quantization?.dtype === 'float16' || !isFloat(weight)) return HALF_ROUNDING;
  const values = floatValues(weight);
  const { square } = roundingEnergies(values, values);
  // Errors are spread evenly over one step.
  return (quantization?.scale ?? 0) / Math.sqrt((12 * square) / values.length);
}

/** Values in a type, on the grid of their own range; undefined where the type does not hold them. */
export function valuesAs(type: 'float16' | StepType, values: Float32Array): Stored | undefined {
  return type === 'float16' ? asHalves(values) : asSteps(values, type, {});
}

/** undefined where a value would become infinite. */
function asHalves(values: Float32Array): Stored | undefined {
  const halves = toFloat16s(values);
  const decoded = fromFloat16s(halves);
  return decoded.every(Number.isFinite) ? { bytes: new Uint8Array(halves.buffer), decoded } : undefined;
}

type StepType = 'uint8' | 'uint16';

function asSteps(values: Float32Array, type: StepType, old: Partial<Grid>): Stored | undefined {
  const { scale = 0, min = 0 } = old;
  const kept = onGrid(values, type, { scale, min });
  if (kept?.decoded.every((value, i) => value === values[i]!)) return kept;
  const grid = gridOf(values, stepsOf(type));
  return grid && onGrid(values, type, grid);
}

/** The nearest step to every value; undefined where one lies outside of the grid. */
function onGrid(values: Float32Array, type: StepType, grid: Grid): Stored | undefined {
  const { scale, min } = grid;
  const last = stepsOf(type);
  const steps = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const step = Math.round((values[i]! - min) / scale);
    if (!(step >= 0 && step <= last)) return undefined;
    steps[i] = step;
  }
  return { bytes: bytesOf(type, steps), decoded: Float32Array.from(steps, (q) => q * scale + min), grid };
}

/** The finest grid that spans all values, and has 0 among its steps where they lie on both sides of it. */
function gridOf(values: Float32Array, last: number): Grid | undefined {
  let low = values[0] ?? 0;
  let high = low;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!Number.isFinite(high - low)) return undefined;
  if (high === low) return { scale: 1, min: low };
  if (low > 0 || high < 0) return { scale: (high - low) / last, min: low };
  const within = Math.min(last - 1, Math.max(1, Math.round((-low / (high - low)) * last)));
  const zero = low === 0 ? 0 : high === 0 ? last : within;
  const scale = Math.max(zero > 0 ? -low / zero : 0, zero < last ? high / (last - zero) : 0);
  return { scale, min: zero === 0 ? 0 : -zero * scale };
}

function stepsOf(type: string): number {
  return type === 'uint8' ? 255 : 65535;
}

function bytesOf(type: string, steps: Int32Array): Uint8Array {
  return type === 'uint8' ? Uint8Array.from(steps) : new Uint8Array(Uint16Array.from(steps).buffer);
}
