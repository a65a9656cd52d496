/** What files of models take by how their weights are stored, from a few models that are stored in every type. */
import { type Model, WEIGHT_TYPES } from '@spherize/core';
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

  /** Bytes of a model of so many parameters, between those that are known. */
  at(parameters: number): StoredBytes {
    const known = between(this.#known, (one) => one.parameters, parameters);
    const names = Object.keys(this.#known[0]!.bytes) as (keyof StoredBytes)[];
    return Object.fromEntries(
      names.map((name) => [name, Math.round(known(({ bytes }) => bytes[name]!))]),
    ) as StoredBytes;
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
