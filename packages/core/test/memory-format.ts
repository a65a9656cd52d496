/** A model format that needs no files: chains of operations on rows of features, kept in a map. */
import {
  checkRewrite,
  type DenseMatrix,
  type FcLayer,
  type FeatureFlow,
  type FeatureGraph,
  type FeatureRewrite,
  float32Values,
  InputError,
  type InputForm,
  type Model,
  type ModelFormat,
  type ModelRewrite,
  type ModelSession,
  type OperationEffect,
  type SkippedLayer,
  type Tensor,
  type TensorInfo,
} from '../src/index.js';
import { randomMatrix, randomValues } from './naive.js';

export type Operation =
  | {
      readonly type: 'fc';
      readonly name: string;
      readonly weights: DenseMatrix;
      readonly bias?: Float32Array | undefined;
      readonly shared?: boolean;
      readonly input?: InputForm | null;
    }
  | { readonly type: 'relu' | 'sigmoid' | 'negative'; readonly name: string }
  | { readonly type: 'shift'; readonly name: string; readonly values: Float32Array }
  | {
      readonly type: 'affine';
      readonly name: string;
      readonly factors: Float32Array;
      readonly shifts: Float32Array;
    };

/** An FC layer of random weights. */
export function fc(name: string, outputs: number, inputs: number, seed: number): Operation & { type: 'fc' } {
  return {
    type: 'fc',
    name,
    weights: randomMatrix(outputs, inputs, seed),
    bias: randomValues(outputs, seed + 100),
  };
}

export class ChainModel implements Model {
  readonly operations: readonly Operation[];
  readonly layers: readonly FcLayer[];
  readonly skipped: readonly SkippedLayer[] = [];
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #store: Map<string, ChainModel>;

  constructor(
    operations: readonly Operation[],
    width: number,
    store: Map<string, ChainModel> = new Map<string, ChainModel>(),
    input = 'x',
  ) {
    this.operations = operations;
    this.#store = store;
    this.inputs = [{ name: input, shape: [undefined, width] }];
    const last = operations.findLast((operation) => operation.type === 'fc');
    const outputs = last?.type === 'fc' ? last.weights.rows : width;
    this.outputs = [{ name: `${operations.at(-1)!.name}:0`, shape: [undefined, outputs] }];
    this.layers = operations.flatMap((operation, i): FcLayer[] => {
      if (operation.type !== 'fc') return [];
      const { name, weights, shared = false } = operation;
      const read = operation.input ? `${name}:sums` : this.#tensorBefore(i);
      return [{ name, aliases: [], outputs: weights.rows, inputs: weights.cols, input: read, shared }];
    });
  }

  get parameters(): number {
    return this.operations.reduce((sum, operation) => {
      if (operation.type === 'affine') return sum + operation.factors.length + operation.shifts.length;
      if (operation.type === 'shift') return sum + operation.values.length;
      return operation.type === 'fc'
        ? sum + operation.weights.data.length + (operation.bias?.length ?? 0)
        : sum;
    }, 0);
  }

  get graph(): FeatureGraph {
    const layers = this.layers.map(({ name, outputs, inputs, shared }) => {
      const bias = this.bias(name) !== undefined;
      return { name, kind: 'product', outputs, inputs, span: 1, groups: 1, bias, shared } as const;
    });
    const operations = this.operations.map((operation, i) => {
      const { name, type } = operation;
      const input = operation.type === 'fc' && operation.input ? `${name}:sums` : this.#tensorBefore(i);
      return {
        ...{ name, label: type, inputs: [input], outputs: [`${name}:0`] },
        flow: flowOf(operation),
        effect: effectOf(operation),
      };
    });
    return { layers, operations, outputs: this.outputs.map(({ name }) => name), shape: () => undefined };
  }

  weights(layer: string): DenseMatrix {
    return this.#layer(layer).weights;
  }

  bias(layer: string): Float32Array | undefined {
    return this.#layer(layer).bias;
  }

  rewrite(rewrite: ModelRewrite): Model {
    checkRewrite(this, rewrite);
    const operations = this.operations.map((operation): Operation => {
      const feature = rewrite.features.find((candidate) => candidate.operation === operation.name);
      if (operation.type === 'affine' && feature) {
        const { order, scales } = feature;
        const reorder = (values: Float32Array): Float32Array =>
          order ? Float32Array.from(order, (from) => values[from]!) : values.slice();
        const scale = (value: number, i: number): number => value * (scales?.[i] ?? 1);
        const { factors, shifts } = operation;
        return { ...operation, factors: reorder(factors).map(scale), shifts: reorder(shifts).map(scale) };
      }
      if (operation.type === 'shift' && feature) {
        return { ...operation, values: this.transformed(operation.values, feature) };
      }
      const layer = rewrite.layers.find((candidate) => candidate.layer === operation.name);
      if (operation.type !== 'fc' || !layer) return operation;
      return { ...operation, weights: layer.weights, bias: layer.bias ?? undefined, input: layer.input };
    });
    return this.#part(operations);
  }

  /** Added constants after a rewrite, word for word. */
  protected transformed(values: Float32Array, { order, scales, sums }: FeatureRewrite): Float32Array {
    const gather = order && Int32Array.from(order);
    const groups = sums ?? [{ size: 1, count: order?.length ?? values.length }];
    return Float32Array.from(clusterSums([...values], { gather, multiply: scales, groups }));
  }

  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model } {
    const names = [...layers, ...also];
    const cut = this.operations.findIndex((operation) => names.includes(operation.name));
    if (cut < 1) return { head: undefined, tail: this };
    const head = this.#part(this.operations.slice(0, cut));
    const [{ name, shape }] = head.outputs as [TensorInfo];
    const tail = new ChainModel(this.operations.slice(cut), shape[1]!, this.#store, name);
    return { head, tail };
  }

  async session(): Promise<ModelSession> {
    return {
      run: async (inputs) => {
        const { name } = this.inputs[0]!;
        const { shape, data } = inputs[name]!;
        let tensor: Tensor = { shape, data };
        for (const operation of this.operations) tensor = apply(operation, tensor);
        return { [this.outputs[0]!.name]: tensor };
      },
      release: async () => {},
    };
  }

  async write(target: string): Promise<number> {
    this.#store.set(target, this);
    return 4 * this.parameters;
  }

  #part(operations: readonly Operation[]): ChainModel {
    const { name, shape } = this.inputs[0]!;
    return new ChainModel(operations, shape[1]!, this.#store, name);
  }

  #layer(name: string): Operation & { type: 'fc' } {
    const found = this.operations.find((operation) => operation.name === name);
    if (found?.type !== 'fc') throw new InputError('UNKNOWN_NAME', `no layer ${name}`);
    return found;
  }

  #tensorBefore(i: number): string {
    return i === 0 ? this.inputs[0]!.name : `${this.operations[i - 1]!.name}:0`;
  }
}

/** A format whose files are the models of a map; undefined stands for a file that is no model. */
export function memoryFormat(files: Map<string, ChainModel | undefined>): ModelFormat {
  return {
    name: 'memory',
    matches: (source) => source.endsWith('.chain'),
    async read(source) {
      if (!files.has(source)) throw new InputError('NOT_FOUND', `there is no ${source}`);
      const model = files.get(source);
      if (!model) throw new InputError('BAD_FILE', `${source} is no chain`);
      return { model, bytes: 4 * model.parameters };
    },
  };
}

/** Runs a chain on a batch of two. */
export async function runOn(model: Model, data: Float32Array): Promise<Float32Array> {
  const session = await model.session();
  const outputs = await session.run({ [model.inputs[0]!.name]: { shape: [2, data.length / 2], data } });
  return float32Values(outputs[model.outputs[0]!.name]!);
}

function flowOf({ type, name }: Operation): FeatureFlow {
  return type === 'fc'
    ? { type: 'layer', layer: name, reads: -1, makes: -1 }
    : { type: 'elementwise', constants: [] };
}

function effectOf(operation: Operation): OperationEffect {
  switch (operation.type) {
    case 'fc': {
      const { name, weights, shared = false } = operation;
      return { type: 'fully-connected', layer: name, outputs: weights.rows, shared };
    }
    case 'relu':
      return { type: 'homogeneous' };
    case 'sigmoid':
      return { type: 'elementwise' };
    case 'negative':
      return { type: 'linear' };
    case 'shift':
      return { type: 'shift', features: operation.values.length };
    case 'affine':
      return { type: 'affine', features: operation.factors.length };
  }
}

function apply(operation: Operation, { shape, data }: Tensor): Tensor {
  const [batch, width] = shape as [number, number];
  switch (operation.type) {
    case 'relu':
      return { shape, data: data.map((value) => Math.max(0, value)) };
    case 'sigmoid':
      return { shape, data: data.map((value) => 1 / (1 + Math.exp(-value))) };
    case 'negative':
      return { shape, data: data.map((value) => -value) };
    case 'shift': {
      const { values, name } = operation;
      if (values.length !== width) throw new Error(`${name}: width ${width}`);
      return { shape, data: data.map((value, i) => value + values[i % width]!) };
    }
    case 'affine': {
      if (operation.factors.length !== width) throw new Error(`${operation.name}: width ${width}`);
      const { factors, shifts } = operation;
      return { shape, data: data.map((value, i) => value * factors[i % width]! + shifts[i % width]!) };
    }
    case 'fc': {
      const { weights, bias, input } = operation;
      const rows = Array.from({ length: batch }, (_, s) => {
        const row = [...data.subarray(s * width, (s + 1) * width)];
        const x = input ? clusterSums(row, input) : row;
        if (x.length !== weights.cols) throw new Error(`${operation.name}: ${x.length} inputs`);
        return Array.from({ length: weights.rows }, (_, i) =>
          x.reduce((sum, value, j) => sum + weights.data[i * weights.cols + j]! * value, bias?.[i] ?? 0),
        );
      });
      return { shape: [batch, weights.rows], data: Float32Array.from(rows.flat()) };
    }
  }
}

/** What `InputForm` says, word for word. */
function clusterSums(row: readonly number[], { gather, multiply, groups }: InputForm): number[] {
  const picked = gather ? Array.from(gather, (position) => row[position]!) : row;
  const factored = multiply ? picked.map((value, i) => value * multiply[i]!) : picked;
  if (multiply && multiply.length !== picked.length) throw new Error('a factor is missing');
  const sums: number[] = [];
  let at = 0;
  for (const { size, count } of groups) {
    for (let c = 0; c < count; c++, at += size)
      sums.push(factored.slice(at, at + size).reduce((a, b) => a + b));
  }
  if (at !== factored.length) throw new Error(`${at} members of clusters, but ${factored.length} values`);
  return sums;
}
