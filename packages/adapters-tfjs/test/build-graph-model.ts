/** Builds small graph models in code, as the converter writes them. */
import type { io } from '@tensorflow/tfjs-core';

/** The same numbers in [-1, 1) for the same seed. */
export function randomValues(size: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

type Attributes = Record<string, unknown>;

const product = (shape: readonly number[]) => shape.reduce((result, size) => result * size, 1);
const dims = (shape: readonly (number | undefined)[]) => ({
  dim: shape.map((size) => ({ size: String(size ?? -1) })),
});

export class GraphBuilder {
  readonly #nodes: { name: string; op: string; input: string[]; attr: Attributes }[] = [];
  readonly #specs: io.WeightsManifestEntry[] = [];
  readonly #data: ArrayBuffer[] = [];
  readonly #signature = { inputs: {} as Attributes, outputs: {} as Attributes };

  input(name: string, shape: readonly (number | undefined)[], dtype = 'DT_FLOAT'): string {
    const attr = { dtype: { type: dtype }, shape: { shape: dims(shape) } };
    this.#nodes.push({ name, op: 'Placeholder', input: [], attr });
    this.#signature.inputs[name] = { name: `${name}:0`, dtype, tensorShape: dims(shape) };
    return name;
  }

  output(tensor: string, shape: readonly (number | undefined)[], dtype = 'DT_FLOAT'): this {
    this.#signature.outputs[tensor] = { name: `${tensor}:0`, dtype, tensorShape: dims(shape) };
    return this;
  }

  weight(
    name: string,
    shape: readonly number[],
    values: Float32Array = randomValues(product(shape), this.#specs.length + 1),
  ): string {
    return this.#constant(name, { name, shape: [...shape], dtype: 'float32' }, values.slice().buffer);
  }

  /** @param shape a list when left out; `true` for a single value */
  integers(name: string, values: readonly number[], shape: boolean | readonly number[] = false): string {
    return this.#integers(name, values, shape === true ? [] : shape === false ? [values.length] : [...shape]);
  }

  #integers(name: string, values: readonly number[], shape: number[]): string {
    return this.#constant(name, { name, shape, dtype: 'int32' }, Int32Array.from(values).buffer);
  }

  #constant(name: string, spec: io.WeightsManifestEntry, data: ArrayBuffer): string {
    const dtype = spec.dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT';
    const attr = { dtype: { type: dtype }, value: { tensor: { dtype, tensorShape: dims(spec.shape) } } };
    this.#nodes.push({ name, op: 'Const', input: [], attr });
    this.#specs.push(spec);
    this.#data.push(data);
    return name;
  }

  node(op: string, name: string, input: string[], attr: Attributes = {}): string {
    this.#nodes.push({ name, op, input, attr: { T: { type: 'DT_FLOAT' }, ...attr } });
    return name;
  }

  /** A fused product with these operations behind it. */
  fused(
    op: string,
    name: string,
    input: string[],
    operations: readonly string[],
    attr: Attributes = {},
  ): string {
    const extra = input.length - 2;
    return this.node(op, name, input, {
      fused_ops: { list: { s: operations.map((text) => btoa(text)) } },
      num_args: { i: String(extra) },
      ...attr,
    });
  }

  build(): io.ModelArtifacts {
    return {
      format: 'graph-model',
      generatedBy: '2.15.0',
      convertedBy: 'TensorFlow.js Converter v4.22.0',
      signature: this.#signature,
      userDefinedMetadata: { author: 'a test' },
      modelTopology: { node: this.#nodes, library: {}, versions: { producer: 1395 } },
      weightSpecs: this.#specs,
      weightData: this.#data,
    };
  }
}
