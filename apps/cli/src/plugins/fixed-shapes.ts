/** Models whose inputs have free axes, seen with the lengths that a user gives them. */

import type { DenseMatrix, MatrixEngine, ModelFeatures, ModelRewrite, TensorInfo } from '@spherize/core';
import {
  type FcLayer,
  type FeatureGraph,
  InputError,
  type LatencyModel,
  type Model,
  type ModelSession,
  portableEngine,
  type SkippedLayer,
  type StorageRounding,
  settledInputs,
  type WeightStorage,
} from '@spherize/core';
import { formatShape } from '../data/sample-shape.js';
import type { GivenShape } from '../options/parse.js';

/**
 * A model with free axes of its inputs set. What is made of it has the same axes set, and is written as it would be without.
 *
 * @throws InputError `UNKNOWN_NAME` for an input that the model does not have, `BAD_ARGUMENT` for a shape that its input cannot have
 */
export function withShapes(model: Model, given: readonly GivenShape[]): Model {
  if (given.length === 0) return model;
  const shapes = new Map<string, GivenShape['shape']>();
  for (const { input, shape } of given) {
    const own = inputNamed(model, input);
    if (shapes.has(own.name))
      throw new InputError('BAD_ARGUMENT', `--shape: input '${own.name}' is given twice; give it once`);
    requireFitting(own, shape);
    shapes.set(own.name, shape);
  }
  return new FixedShapes(model, shapes);
}

/**
 * A model with lengths for the free axes that nobody has set, such that it runs on generated inputs: those that inputs of the kind usually
 * have. A note says them. A model that runs on none of them stays as it is.
 */
export async function withUsualShapes(model: Model): Promise<Model> {
  if (!model.inputs.some(({ shape }) => shape.includes(undefined, 1))) return model;
  try {
    const settled = await settledInputs(model);
    const notes = settled.flatMap(({ name, shape }, i) => {
      const own = model.inputs[i]!.shape;
      if (own.every((length, axis) => length === shape[axis])) return [];
      const given = shape.map((length) => length ?? '?').join(',');
      return [
        `input '${name}' of shape ${formatShape(own)} was taken as ${formatShape(shape)}: --shape ${name}=${given} sets others`,
      ];
    });
    return new FixedShapes(model, new Map(settled.map(({ name, shape }) => [name, shape])), notes);
  } catch (error) {
    if (error instanceof InputError) return model;
    throw error;
  }
}

function inputNamed({ inputs }: Model, name: string | undefined): TensorInfo {
  const names = inputs.map((input) => input.name).join(', ');
  if (name === undefined) {
    if (inputs.length === 1) return inputs[0]!;
    throw new InputError(
      'BAD_ARGUMENT',
      `--shape: the model has ${inputs.length} inputs (${names}): say which one, as in NAME=1,3,224,224`,
    );
  }
  const found = inputs.find((input) => input.name === name);
  if (found) return found;
  throw new InputError('UNKNOWN_NAME', `--shape: the model has no input '${name}', expected one of ${names}`);
}

function requireFitting({ name, shape: own }: TensorInfo, shape: GivenShape['shape']): void {
  // Also what formats say of an input whose number of axes is unknown.
  if (own.length === 1 && own[0] === undefined) return;
  const fits =
    own.length === shape.length &&
    own.every((length, axis) => length === undefined || shape[axis] === undefined || length === shape[axis]);
  if (fits) return;
  throw new InputError(
    'BAD_ARGUMENT',
    `--shape: input '${name}' has shape ${formatShape(own)}, got ${formatShape(shape)}: give its ${own.length} axes, with other lengths only where it says any`,
  );
}

class FixedShapes implements Model {
  readonly #model: Model;
  readonly #shapes: ReadonlyMap<string, GivenShape['shape']>;
  readonly #notes: readonly string[];

  constructor(model: Model, shapes: ReadonlyMap<string, GivenShape['shape']>, notes: readonly string[] = []) {
    this.#model = model;
    this.#shapes = shapes;
    this.#notes = notes;
  }

  get inputs(): readonly TensorInfo[] {
    return this.#model.inputs.map((input) => {
      const given = this.#shapes.get(input.name);
      return given ? { ...input, shape: given.map((length, axis) => length ?? input.shape[axis]) } : input;
    });
  }

  get layers(): readonly FcLayer[] {
    return this.#model.layers;
  }

  get convolutions(): Model['convolutions'] {
    const { convolutions } = this.#model;
    return convolutions && { ...convolutions, offer: (names) => this.#fixed(convolutions.offer(names)) };
  }

  get skipped(): readonly SkippedLayer[] {
    return this.#model.skipped;
  }

  get outputs(): readonly TensorInfo[] {
    return this.#model.outputs;
  }

  get graph(): FeatureGraph {
    return this.#model.graph;
  }

  get storage(): WeightStorage | undefined {
    const { storage } = this.#model;
    return (
      storage && {
        ...storage,
        store: (type, rounded) => {
          const { model, floats, report } = storage.store(type, rounded);
          return { model: this.#fixed(model), floats: this.#fixed(floats), report };
        },
      }
    );
  }

  get parameters(): number {
    return this.#model.parameters;
  }

  get features(): ModelFeatures | undefined {
    const { features } = this.#model;
    return (
      features && {
        weights: (layer) => features.weights(layer),
        narrow: (narrowing) => this.#fixed(features.narrow(narrowing)),
        ...(features.resumes === undefined ? {} : { resumes: features.resumes }),
        observe: (tensors, given) => this.#fixed(features.observe(tensors, given)),
      }
    );
  }

  get latencyModel(): LatencyModel | undefined {
    return this.#model.latencyModel;
  }

  get layout(): Model['layout'] {
    return this.#model.layout;
  }

  get roundoff(): number {
    return this.#model.roundoff ?? 2 ** -24;
  }

  get bytesPerWeight(): number | undefined {
    return this.#model.bytesPerWeight;
  }

  get notes(): readonly string[] {
    return [...(this.#model.notes ?? []), ...this.#notes];
  }

  get rounding(): StorageRounding | undefined {
    const { rounding } = this.#model;
    return rounding && { ...rounding, exact: this.#fixed(rounding.exact) };
  }

  get overflowing(): ReadonlySet<string> {
    return this.#model.overflowing ?? new Set();
  }

  get vanishing(): ReadonlySet<string> {
    return this.#model.vanishing ?? new Set();
  }

  weights(layer: string): DenseMatrix {
    return this.#model.weights(layer);
  }

  bias(layer: string): Float32Array | undefined {
    return this.#model.bias(layer);
  }

  rewrite(rewrite: ModelRewrite): Model {
    return this.#fixed(this.#model.rewrite(rewrite));
  }

  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model } {
    const { head, tail } = this.#model.split(layers, also);
    return head ? { head: this.#fixed(head), tail } : { head, tail: this.#fixed(tail) };
  }

  async multiplyAccumulates(): Promise<number | undefined> {
    return this.#model.multiplyAccumulates?.(this.inputs);
  }

  session(): Promise<ModelSession> {
    return this.#model.session();
  }

  async engine(): Promise<MatrixEngine> {
    return (await this.#model.engine?.()) ?? portableEngine;
  }

  write(target: string): Promise<number> {
    return this.#model.write(target);
  }

  #fixed(model: Model): Model {
    return new FixedShapes(model, this.#shapes, this.#notes);
  }
}
