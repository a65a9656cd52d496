/** Sets of places that belong to one feature, and why some may not leave. Union-find over labels. */
export class FeatureSets {
  readonly #parents: number[] = [];
  readonly #pins = new Map<number, string>();

  /** New labels, each a feature of its own. */
  add(count: number): Int32Array {
    const first = this.#parents.length;
    for (let i = 0; i < count; i++) this.#parents.push(first + i);
    return Int32Array.from({ length: count }, (_, i) => first + i);
  }

  /** The label that stands for a feature. */
  find(label: number): number {
    let root = label;
    while (this.#parents[root] !== root) root = this.#parents[root]!;
    for (let at = label; at !== root; ) {
      const next = this.#parents[at]!;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }

  /** Makes two labels one feature. The first that was added stands for both. */
  join(a: number, b: number): void {
    const [first, second] = [this.find(a), this.find(b)].sort((left, right) => left - right) as [
      number,
      number,
    ];
    if (first === second) return;
    this.#parents[second] = first;
    const pin = this.#pins.get(second);
    if (pin !== undefined) this.pin(first, pin);
  }

  /** Keeps a feature in the model. The first reason stays. */
  pin(label: number, reason: string): void {
    const root = this.find(label);
    if (!this.#pins.has(root)) this.#pins.set(root, reason);
  }

  /** Why a feature may not leave; undefined when it may. */
  pinned(label: number): string | undefined {
    return this.#pins.get(this.find(label));
  }
}
