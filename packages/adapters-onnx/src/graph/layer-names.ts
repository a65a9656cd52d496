/** The names by which users call layers and operations. */

/** What quantisers append to the name of a weight tensor. */
const QUANTISED_SUFFIX = /_(?:quantized|q)$/;
const WEIGHT_SUFFIX = /(?:[./_]weight|[./]kernel|\/MatMul\/ReadVariableOp)(?::0)?(?:#\d+)?$/;
const AUTOMATIC = /^(?:onnx::.*|\d+|)$|(?:^|\/)Constant(?:_\d+)?(?:_output_\d+)?$/;

/**
 * The name that a weight tensor's author gave its layer: `classifier.1.weight` → `classifier.1`.
 *
 * @returns undefined when an exporter made the name up, as in `onnx::MatMul_123`
 */
export function nameOfWeights(tensor: string): string | undefined {
  if (AUTOMATIC.test(tensor)) return undefined;
  const stem = tensor.replace(QUANTISED_SUFFIX, '').replace(WEIGHT_SUFFIX, '');
  return stem === '' ? tensor : stem;
}

/** Gives out each name once: a name that is taken gets `#2`, `#3`, … appended. */
export class UniqueNames {
  readonly #taken: Set<string>;
  /** By name, the number that was given out last. */
  readonly #last = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  add(name: string): string {
    let unique = name;
    let count = this.#last.get(name) ?? 1;
    while (this.#taken.has(unique)) unique = `${name}#${++count}`;
    this.#last.set(name, count);
    this.#taken.add(unique);
    return unique;
  }
}
