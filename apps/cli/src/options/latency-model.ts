import { InputError, KINDS_OF_WORK, type LatencyModel } from '@spherize/core';

const FLAG = '--latency-model';

/** `multiplies=0.02,…` as nanoseconds by kind of work; what is left out takes none. */
export function parseLatencyModel(text: string): LatencyModel {
  const found = new Map<string, number>();
  for (const item of text.split(',')) {
    const [kind, number, ...rest] = item.trim().split('=');
    const value = number === undefined || number.trim() === '' ? Number.NaN : Number(number);
    if (!isKind(kind) || rest.length > 0 || !(value >= 0 && value < Number.POSITIVE_INFINITY))
      throw new InputError(
        'BAD_ARGUMENT',
        `${FLAG}: expected nanoseconds of ${KINDS_OF_WORK.join(', ')} such as multiplies=0.02, got '${item}'`,
      );
    if (found.has(kind))
      throw new InputError('BAD_ARGUMENT', `${FLAG}: '${kind}' is given twice: give it once`);
    found.set(kind, value);
  }
  if ([...found.values()].every((value) => value === 0))
    throw new InputError(
      'BAD_ARGUMENT',
      `${FLAG}: says that nothing takes time, got '${text}': give what takes some`,
    );
  return Object.fromEntries(KINDS_OF_WORK.map((kind) => [kind, found.get(kind) ?? 0])) as LatencyModel;
}

/** As `parseLatencyModel` reads it. */
export function latencyModelText(latency: LatencyModel): string {
  return KINDS_OF_WORK.filter((kind) => latency[kind] > 0)
    .map((kind) => `${kind}=${latency[kind]}`)
    .join(',');
}

function isKind(word: string | undefined): word is keyof LatencyModel {
  return (KINDS_OF_WORK as readonly (string | undefined)[]).includes(word);
}
