/**
 * Counts the multiplications in the products of weights: Gemm, MatMul, Conv and ConvTranspose with a constant operand.
 *
 * How often a weight is used follows from the shapes of what the product reads or makes. Static inference does not reach
 * them in every graph, so the model runs once with these tensors as outputs.
 */
import { create } from '@bufbuild/protobuf';
import type { Tensor, TensorInfo } from '@spherize/core';
import { type ModelProto, ValueInfoProtoSchema } from 'onnx-buf';
import type { WeightProduct } from '../graph/operators/operator.js';
import { operatorOf } from '../graph/operators/operator-table.js';
import type { TensorShapes } from '../graph/tensor-shapes.js';
import type { OnnxHost } from '../host.js';
import { copyMessage } from '../proto/onnx-protos.js';
import type { GraphIndex } from '../tensors/graph-index.js';

/** The products of weights in a graph, or undefined when it has some that cannot be counted. */
export function findWeightProducts(index: GraphIndex, shapes: TensorShapes): WeightProduct[] | undefined {
  const products: WeightProduct[] = [];
  const constant = (tensor: string | undefined): boolean =>
    tensor !== undefined &&
    (index.constantSource(tensor) !== undefined || index.constantMaker(tensor) !== undefined);
  for (const node of index.graph.node) {
    const rule = operatorOf(node)?.products ?? 'uncounted';
    if (rule === 'uncounted') return undefined;
    if (rule === 'none') continue;
    const found = rule(node, shapes, constant);
    if (found === undefined) return undefined;
    if (found !== null) products.push(found);
  }
  return products;
}

function product(sizes: readonly (number | undefined)[]): number | undefined {
  return sizes.reduce(
    (result, size) => (result === undefined || size === undefined ? undefined : result * size),
    1,
  );
}

/**
 * Multiplications per sample, or undefined when the model leaves more open than its batch or does not run on zeros, or where nothing runs it.
 *
 * @param host what runs it, once
 * @param products all products of weights in the model
 */
export async function multiplicationsIn(
  host: OnnxHost,
  products: readonly WeightProduct[],
  model: ModelProto,
  inputs: readonly TensorInfo[],
): Promise<number | undefined> {
  if (products.length === 0) return 0;
  const feeds = zeros(inputs);
  const batch = inputs[0]?.shape[0] ?? 1;
  if (feeds === undefined || batch === 0) return undefined;
  const graph = model.graph!;
  const present = new Set([...inputs, ...graph.output].map(({ name }) => name));
  const names = new Set(products.map(({ tensor }) => tensor).filter((name) => !present.has(name)));
  const output = [...graph.output, ...[...names].map((name) => create(ValueInfoProtoSchema, { name }))];
  const probe = copyMessage(model, { graph: copyMessage(graph, { output }) });
  try {
    const session = await host.start({ proto: probe }, { prepack: false });
    try {
      const tensors: Record<string, Tensor> = { ...feeds, ...(await session.run(feeds)) };
      const values = (tensor: string) => product(tensors[tensor]!.shape)!;
      return products.reduce((sum, { tensor, factor }) => sum + factor * values(tensor), 0) / batch;
    } finally {
      await session.release();
    }
  } catch {
    // Not every model runs on zeros, nor in every runtime: then the figure is unknown.
    return undefined;
  }
}

/** The most values of an input that are made up: 1 GiB. */
const LARGEST_INPUT = 2 ** 28;

/** One sample of zeros for every input, or as many as the model fixes. */
function zeros(inputs: readonly TensorInfo[]): Record<string, Tensor> | undefined {
  const feeds: Record<string, Tensor> = {};
  for (const { name, shape } of inputs) {
    const sizes = shape.map((size, axis) => (axis === 0 ? (size ?? 1) : size));
    const values = product(sizes);
    if (values === undefined || values > LARGEST_INPUT) return undefined;
    feeds[name] = { shape: sizes as number[], data: new Float32Array(values) };
  }
  return feeds;
}
