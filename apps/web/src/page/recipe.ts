/** The command line that does the same, and writes beside the model what is downloaded here. */
import { LANES } from '@spherize/core/allocation';
import type { CompressRequest, ModelFacts } from '../protocol.js';

export function commandLine(
  { name, samples }: Pick<ModelFacts, 'name' | 'samples'>,
  { reduce, ratios, storage, ...inputs }: Omit<CompressRequest, 'type'>,
): string {
  const words = ['spherize', 'compress', name, '--reduce', reduce];
  if (reduce !== 'none') {
    words.push('--ratio', ratios.map(([width, ratio]) => listItem(`${width}=${ratio}`, width)).join(','));
    if (reduce !== 'columns') words.push('--round-to', String(LANES));
  }
  if (storage !== undefined) words.push('--weights', storage);
  if (reduce === 'none') return words.map(quoted).join(' ');
  if (inputs.samples === 0 && samples > 0) words.push('--calibrate', 'none');
  else if (inputs.samples !== samples) words.push('--calibration-samples', String(inputs.samples));
  if (inputs.mean) words.push('--mean', inputs.mean.join(','));
  if (inputs.std) words.push('--std', inputs.std.join(','));
  return words.map(quoted).join(' ');
}

/** As a list takes names with commas. */
function listItem(item: string, name: string): string {
  return /[,"\s]/.test(name) ? `"${item.replaceAll('"', '""')}"` : item;
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
