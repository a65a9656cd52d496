/**
 * The types of a model's inputs and outputs, and which numbers they hold.
 */
import type { Tensor } from './model-format.js';

/**
 * The type of a tensor's values, as the runtime takes or gives them. `other` is what a `Tensor` cannot carry besides text: complex
 * numbers, sequences, maps.
 */
export type ElementType =
  | 'float16'
  | 'float32'
  | 'float64'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'other';

/** The numbers that a type holds. */
export interface ValueRange {
  readonly least: number;
  readonly most: number;
  /** Whether it holds no fractions. */
  readonly whole: boolean;
}

/** The largest finite numbers of the float types. */
const LARGEST_FLOAT16 = 65504;
const LARGEST_FLOAT32 = 2 ** 128 - 2 ** 104;

const signed = (bits: number): ValueRange => ({
  least: -(2 ** (bits - 1)),
  most: 2 ** (bits - 1) - 1,
  whole: true,
});
const unsigned = (bits: number): ValueRange => ({ least: 0, most: 2 ** bits - 1, whole: true });
const float = (most: number): ValueRange => ({ least: -most, most, whole: false });

const RANGES: Readonly<Partial<Record<ElementType, ValueRange>>> = {
  float16: float(LARGEST_FLOAT16),
  float32: float(LARGEST_FLOAT32),
  float64: float(Number.MAX_VALUE),
  int8: signed(8),
  uint8: unsigned(8),
  int16: signed(16),
  uint16: unsigned(16),
  int32: signed(32),
  uint32: unsigned(32),
  // Beyond 2^53 a double skips whole numbers.
  int64: { least: -(2 ** 53), most: 2 ** 53, whole: true },
  uint64: { least: 0, most: 2 ** 53, whole: true },
  bool: unsigned(1),
};

/** The numbers of a type that a `Tensor` carries unchanged, or rounded where it is a float type; undefined for `string` and `other`. */
export function valueRange(type: ElementType): ValueRange | undefined {
  return RANGES[type];
}

/** Whether values of a type are floats. A tensor that names no type holds float32. */
export function isFloat(type: ElementType = 'float32'): boolean {
  return RANGES[type]?.whole === false;
}

/** A tensor's values as float32, rounded where they are held as float64. */
export function float32Values({ data }: Tensor): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/** Zeros to hold values of a type: float32 where that holds them exactly, otherwise float64. */
export function allocateValues(
  type: ElementType | undefined,
  length: number,
): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  return type !== undefined && /64|32/.test(type) && type !== 'float32'
    ? new Float64Array(length)
    : new Float32Array(length);
}
