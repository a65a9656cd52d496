/** What storing the weights of a written model in another type did, for `--json` and in words. */
import type { StorageResult } from '@spherize/core';
import { percent } from '../terminal/output.js';

/** Tensors that are named before the rest is counted. */
const NAMED = 3;

/** What `--json` says of it. */
export function storageFigures({
  type,
  form,
  tensors,
  withoutZeros = 0,
  values,
  error,
  kept,
  rounding,
  proof,
}: StorageResult): object {
  return {
    weights: type,
    form,
    tensors,
    withoutZeros,
    values,
    weightError: error,
    rounding: rounding ?? null,
    kept,
    verified: proof,
  };
}

/** A line for what is stored so, and one for what is not. */
export function storageLines(storage: StorageResult): string[] {
  const { form, tensors, withoutZeros = 0, values, error, rounding, kept, proof } = storage;
  if (storage.type === 'float32') return ['storage: weights as float32'];
  const count = values.toLocaleString('en-US');
  const how = rounding === undefined ? 'to the nearest' : `by ${rounding} inputs`;
  const lines =
    tensors === 0
      ? [`storage: no tensor of weights is smaller as ${form}`]
      : [
          `storage: ${form}: ${count} weights of ${tensors} tensors rounded ${how}, ${percent(error, 2)} off` +
            (withoutZeros > 0 ? `; zeros are left out of ${withoutZeros} of them` : ''),
        ];
  if (proof !== undefined && proof.deviation !== null)
    lines.push(
      `verified: the file computes what its rounded weights say, to ${proof.deviation.toExponential(1)} of the largest output`,
    );
  else if (proof !== undefined)
    lines.push(`not verified that the file computes what its weights say: ${proof.reason}`);
  if (kept.length > 0) {
    const named = kept.slice(0, NAMED).map(({ name, reason }) => `${name} (${reason})`);
    const others = kept.length > NAMED ? ` and ${kept.length - NAMED} more` : '';
    lines.push(`not stored so: ${named.join(', ')}${others}`);
  }
  return lines;
}
