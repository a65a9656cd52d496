/**
 * A model that is a chain of fully connected layers and activations, and that runs in plain TypeScript. For formats without a graph
 * or a runtime of their own: they only read operations and write them.
 */
import { checkRewrite } from '../compression/check-rewrite.js';
import { InputError } from '../errors.js';
import { float32Values } from '../format/element-type.js';
import type { FeatureGraph, FlowOperation } from '../format/feature-flow.js';
import type { FcLayer, Model, ModelSession, SkippedLayer, TensorInfo } from '../format/model-format.js';
import type { InputForm, ModelRewrite } from '../format/model-rewrite.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import { portableEngine } from '../matrix/portable-engine.js';
import { applyInputForm } from './input-form.js';

/** A layer `y = W x + b`. */
export interface SequentialLayer {
  readonly type: 'fully-connected';
  readonly name: string;
  /** Shape `[outputs, inputs]`. */
  readonly weights: DenseMatrix;
  /** `outputs` values, or null. */
  readonly bias: Float32Array | null;
  /** What a rewrite does to the layer's input; null when the layer was not rewritten. */
  readonly input: InputForm | null;
}

/** A function of every feature alike. */
export interface SequentialActivation {
  readonly type: 'activation';
  readonly name: string;
  /** As messages call it: `Relu`. */
  readonly label: string;
  /** What it does to factors and sums of features; see `OperationEffect`. */
  readonly effect: 'linear' | 'homogeneous' | 'elementwise';
  apply(value: number): number;
}

export type SequentialOperation = SequentialLayer | SequentialActivation;

/** max(0, v). */
export function reluActivation(name: string): SequentialActivation {
  const apply = (value: number): number => Math.max(0, value);
  return { type: 'activation', name, label: 'Relu', effect: 'homogeneous', apply };
}

/** Writes a model to a file and returns the file's bytes, as `Model.write` has to. */
export type WriteSequential = (model: SequentialModel, target: string) => Promise<number>;

/**
 * A chain of operations on rows of features. Its layers must fit each other: `weights` of one layer has as many columns as the
 * layer before has rows, or as its own `input` makes.
 */
export class SequentialModel implements Model {
  readonly operations: readonly SequentialOperation[];
  readonly layers: readonly FcLayer[];
  readonly skipped: readonly SkippedLayer[] = [];
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly graph: FeatureGraph;
  readonly #write: WriteSequential;

  /**
   * @param operations at least one, with distinct names
   * @param width features of a sample
   * @param input the name of the input; a tensor that an operation makes is called as the operation is
   */
  constructor(
    operations: readonly SequentialOperation[],
    width: number,
    write: WriteSequential,
    input = 'input',
  ) {
    const before = (i: number): string => operations[i - 1]?.name ?? input;
    const layers = operations.filter((operation) => operation.type === 'fully-connected');
    this.operations = operations;
    this.#write = write;
    this.inputs = [{ name: input, shape: [undefined, width] }];
    this.outputs = [
      { name: before(operations.length), shape: [undefined, layers.at(-1)?.weights.rows ?? width] },
    ];
    const reads = operations.map((operation, i) =>
      operation.type === 'fully-connected' && operation.input ? `${operation.name}:clusters` : before(i),
    );
    this.layers = operations.flatMap((operation, i): FcLayer[] => {
      if (operation.type === 'activation') return [];
      const { rows: outputs, cols: inputs } = operation.weights;
      return [{ name: operation.name, aliases: [], outputs, inputs, input: reads[i]!, shared: false }];
    });
    this.graph = {
      layers: this.layers.map(({ name, outputs, inputs }) => ({
        name,
        kind: 'product',
        outputs,
        inputs,
        span: 1,
        groups: 1,
        bias: this.bias(name) !== undefined,
        shared: false,
      })),
      operations: operations.map((operation, i) => describe(operation, reads[i]!)),
      outputs: this.outputs.map(({ name }) => name),
      shape: () => undefined,
    };
  }

  get parameters(): number {
    return this.operations.reduce((sum, operation) => {
      if (operation.type === 'activation') return sum;
      return sum + operation.weights.data.length + (operation.bias?.length ?? 0);
    }, 0);
  }

  weights(layer: string): DenseMatrix {
    return this.#layer(layer).weights;
  }

  bias(layer: string): Float32Array | undefined {
    return this.#layer(layer).bias ?? undefined;
  }

  rewrite(rewrite: ModelRewrite): SequentialModel {
    checkRewrite(this, rewrite);
    const operations = this.operations.map((operation): SequentialOperation => {
      const found = rewrite.layers.find(({ layer }) => layer === operation.name);
      if (!found || operation.type === 'activation') return operation;
      return { ...operation, weights: found.weights, bias: found.bias, input: found.input };
    });
    return this.#part(operations);
  }

  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model } {
    const names = [...layers, ...also];
    const cut = this.operations.findIndex(({ name }) => names.includes(name));
    if (cut < 1) return { head: undefined, tail: this };
    const head = this.#part(this.operations.slice(0, cut));
    return { head, tail: this.#part(this.operations.slice(cut), head.outputs[0]!) };
  }

  async session(): Promise<ModelSession> {
    const { name } = this.inputs[0]!;
    return {
      run: async (inputs) => {
        const { shape } = inputs[name]!;
        const data = float32Values(inputs[name]!);
        let rows = denseMatrix(shape[0]!, data.length / shape[0]!, data);
        for (const operation of this.operations) rows = await applyOperation(operation, rows);
        return { [this.outputs[0]!.name]: { shape: [rows.rows, rows.cols], data: rows.data } };
      },
      release: async () => {},
    };
  }

  write(target: string): Promise<number> {
    return this.#write(this, target);
  }

  #part(operations: readonly SequentialOperation[], { name, shape } = this.inputs[0]!): SequentialModel {
    return new SequentialModel(operations, shape[1]!, this.#write, name);
  }

  #layer(name: string): SequentialLayer {
    const found = this.operations.find((operation) => operation.name === name);
    if (found?.type !== 'fully-connected') throw new InputError('UNKNOWN_NAME', `no layer '${name}'`);
    return found;
  }
}

function describe(operation: SequentialOperation, input: string): FlowOperation {
  const { name } = operation;
  const tensors = { inputs: [input], outputs: [name] };
  if (operation.type === 'activation') {
    const { label, effect } = operation;
    return {
      name,
      label,
      ...tensors,
      flow: { type: 'elementwise', constants: [] },
      effect: { type: effect },
    };
  }
  return {
    name,
    label: 'fully connected layer',
    ...tensors,
    flow: { type: 'layer', layer: name, reads: -1, makes: -1 },
    effect: { type: 'fully-connected', layer: name, outputs: operation.weights.rows, shared: false },
  };
}

async function applyOperation(operation: SequentialOperation, rows: DenseMatrix): Promise<DenseMatrix> {
  if (operation.type === 'activation')
    return denseMatrix(
      rows.rows,
      rows.cols,
      rows.data.map((value) => operation.apply(value)),
    );
  const { weights, bias, input } = operation;
  const result = await portableEngine.multiply(
    input ? applyInputForm(rows, input) : rows,
    transpose(weights),
  );
  if (bias) {
    for (let i = 0; i < result.data.length; i++) result.data[i] = result.data[i]! + bias[i % result.cols]!;
  }
  return result;
}
