/**
 * Seeded pseudo-random numbers: the same seed gives the same sequence on every platform.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any integer; only its low 32 bits count */
  constructor(seed: number) {
    let state = seed | 0;
    const mixed = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = mixed();
    this.#b = mixed();
    this.#c = mixed();
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** A uniform integer in [0, 2³²). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A uniform number in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** A uniform integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /**
   * Puts the items of an array into an order drawn evenly from all (Fisher and Yates, from the last place to the first).
   *
   * @returns the same array
   */
  shuffle<Items extends unknown[] | Int32Array>(items: Items): Items {
    for (let i = items.length - 1; i > 0; i--) {
      const other = this.integer(i + 1);
      [items[i], items[other]] = [items[other], items[i]];
    }
    return items;
  }

  /**
   * `count` different whole numbers in [0, total), or all of them where there are fewer, in the order drawn: the first places of a
   * shuffle from the first place to the last, which costs `count` draws.
   */
  sample(total: number, count: number): Int32Array {
    const numbers = Int32Array.from({ length: total }, (_, i) => i);
    const drawn = Math.min(count, total);
    for (let i = 0; i < drawn; i++) {
      const other = i + this.integer(total - i);
      [numbers[i], numbers[other]] = [numbers[other]!, numbers[i]!];
    }
    return numbers.slice(0, drawn);
  }

  /** A standard normal number (Box and Muller, 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Multiples of the golden ratio, less their whole parts: numbers in [0, 1) that are spread evenly however many there are, and meet no period of
 * the data, such as classes in turn (Weyl).
 */
export function evenlySpread(n: number): number {
  return (n * GOLDEN) % 1;
}
