/** What files of models take by how their weights are stored, from a few models that are stored in every type. */
import { BYTES_OF_TYPE, type Model, WEIGHT_TYPES } from '@spherize/core';
import type { StoredBytes } from '../protocol.js';
import { between } from './between.js';
import type { OpenModel } from './open-model.js';

/** A model is stored where it has at most so much of the parameters of any that is known: all of them together take a few times as long as the largest. */
const NEXT = 0.8;

export class StoredSizes {
  readonly #opened: OpenModel;
  readonly #known: { readonly parameters: number; readonly bytes: StoredBytes }[] = [];

  constructor(opened: OpenModel) {
    this.#opened = opened;
  }

  /** @param always also a model that is hardly smaller than one that is known */
  measure(model: Model, always = false): void {
    const { parameters } = model;
    const least = always ? 1 : NEXT;
    if (this.#known.some((one) => parameters <= one.parameters && parameters > least * one.parameters))
      return;
    this.#known.push({ parameters, bytes: this.#stored(model) });
    this.#known.sort((a, b) => a.parameters - b.parameters);
  }

  /**
   * Bytes of a model of so many parameters, between those that are known.
   *
   * @param changed what becomes of them. Default: they stay
   */
  at(
    parameters: number,
    changed: (type: keyof StoredBytes, bytes: number) => number = (_, bytes) => bytes,
  ): StoredBytes {
    const known = between(this.#known, (one) => one.parameters, parameters);
    const types = Object.keys(this.#known[0]!.bytes) as (keyof StoredBytes)[];
    return Object.fromEntries(
      types.map((type) => [
        type,
        Math.round(
          changed(
            type,
            known(({ bytes }) => bytes[type]!),
          ),
        ),
      ]),
    ) as StoredBytes;
  }

  /** Bytes of a weight as a type stores it. */
  bytesPerWeight(type: keyof StoredBytes): number {
    const { model } = this.#opened;
    return BYTES_OF_TYPE[type === 'kept' ? (model.storage?.found ?? 'float32') : type];
  }

  #stored(model: Model): StoredBytes {
    const bytesOf = (stored: Model): number =>
      this.#opened
        .filesOf(stored)
        .flatMap(({ pieces }) => pieces)
        .reduce((sum, { length }) => sum + length, 0);
    const { storage } = model;
    if (storage === undefined) return { kept: bytesOf(model) };
    const types = Object.fromEntries(WEIGHT_TYPES.map((type) => [type, bytesOf(storage.store(type).model)]));
    const found = this.#opened.model.storage?.found;
    return { ...types, kept: found === undefined ? bytesOf(model) : types[found]! };
  }
}
