/**
 * Tensors of weights as whole numbers with a scale per row, `w ≈ scale · step` with steps in `−most … most`. A row is what lies at one place of
 * the tensor's middle axes: the weights of one output.
 */

/** A tensor as `[outer, rows, inner]`: value i belongs to row `⌊i / inner⌋ mod rows`. */
export interface RowForm {
  readonly rows: number;
  readonly inner: number;
}

/** The largest step of whole numbers of 8 and of 16 bits: the range is symmetrical, so that zero stays zero. */
export const MOST_STEPS = { int8: 127, int16: 32767 } as const;

/** The share of a row's norm that storing it may take; rows lose more where their values are too small for a type. */
const LARGEST_LOSS = 1 / 16;

/**
 * The scale of each row: its largest magnitude is the last step. A row of zeros has scale 1. The scale with the least squared error, of
 * twelve down to 0.7 of that, left 0.3 % less of an AlexNet's error and nothing less of a transformer's: it is not searched.
 *
 * @returns one per row; infinite where a row holds no finite numbers
 */
export function rowScales(values: Float32Array, form: RowForm, most: number): Float32Array {
  const largest = new Float64Array(form.rows);
  eachRun(values, form, (row, from, to) => {
    let found = largest[row]!;
    // NaN is no number that a scale could reach.
    for (let i = from; i < to; i++) {
      const size = Math.abs(values[i]!);
      if (!(size <= found)) found = Number.isNaN(size) ? Number.POSITIVE_INFINITY : size;
    }
    largest[row] = found;
  });
  return Float32Array.from(largest, (size) => (size === 0 ? 1 : size / most));
}

/** The nearest step to every value. */
export function roundRows(
  values: Float32Array,
  form: RowForm,
  scales: Float32Array,
  most: number,
): Int8Array<ArrayBuffer> | Int16Array<ArrayBuffer> {
  const steps = most > 127 ? new Int16Array(values.length) : new Int8Array(values.length);
  eachRun(values, form, (row, from, to) => {
    const scale = scales[row]!;
    for (let i = from; i < to; i++) steps[i] = nearestStep(values[i]! / scale, most);
  });
  return steps;
}

/** The step nearest to a multiple of the scale, ties away from zero. */
export function nearestStep(multiple: number, most: number): number {
  const size = Math.floor(Math.abs(multiple) + 0.5);
  const step = Math.min(size, most);
  return multiple < 0 ? -step : step;
}

/** What steps are read as, rounded to float32. */
export function rowValues(
  steps: ArrayLike<number>,
  form: RowForm,
  scales: Float32Array,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(steps.length);
  eachRun(steps, form, (row, from, to) => {
    const scale = scales[row]!;
    for (let i = from; i < to; i++) values[i] = steps[i]! * scale;
  });
  return values;
}

/** Why a type does not hold a tensor's values; undefined where it does. */
export function whyNotHeld(
  values: Float32Array,
  stored: Float32Array,
  form: RowForm,
): 'too large' | 'too small' | 'not finite' | undefined {
  const square = new Float64Array(form.rows);
  const lost = new Float64Array(form.rows);
  let finite = true;
  let holds = true;
  eachRun(values, form, (row, from, to) => {
    let [all, gone] = [square[row]!, lost[row]!];
    for (let i = from; i < to; i++) {
      const value = values[i]!;
      finite &&= Number.isFinite(value);
      holds &&= Number.isFinite(stored[i]!);
      all += value ** 2;
      gone += (value - stored[i]!) ** 2;
    }
    square[row] = all;
    lost[row] = gone;
  });
  if (!finite) return 'not finite';
  if (!holds) return 'too large';
  return square.some((all, row) => lost[row]! > LARGEST_LOSS ** 2 * all) ? 'too small' : undefined;
}

/** Calls back for each run of neighbours in one row. */
function eachRun(
  { length }: ArrayLike<number>,
  { rows, inner }: RowForm,
  take: (row: number, from: number, to: number) => void,
): void {
  for (let from = 0, row = 0; from < length; from += inner, row = row + 1 === rows ? 0 : row + 1)
    take(row, from, from + inner);
}
