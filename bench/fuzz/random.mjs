/** Seeded choices: the same seed and case make the same mutant on any machine. */
import { Random } from '@spherize/core';

export class Choices {
  #random;

  constructor(seed, index) {
    this.#random = new Random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0);
  }

  /** A whole number in [0, limit). */
  below(limit) {
    return limit <= 0 ? 0 : this.#random.integer(limit);
  }

  uniform() {
    return this.#random.uniform();
  }

  chance(share) {
    return this.#random.uniform() < share;
  }

  /** One of a list, or undefined of an empty one. */
  pick(list) {
    return list[this.below(list.length)];
  }
}
