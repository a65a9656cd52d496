/** Cuts an ONNX model in two: what must stay with the named layers and everything after them, and what comes before. */
import type { ModelProto, NodeProto, ValueInfoProto } from 'onnx-buf';
import type { OnnxModelFacts } from '../graph/onnx-model-facts.js';
import type { TensorShapes } from '../graph/tensor-shapes.js';
import { copyMessage, makeValueInfo } from '../proto/onnx-protos.js';
import { type GraphIndex, tensorsReadBy } from '../tensors/graph-index.js';

/**
 * @param names fully connected layers or operations that belong to the tail, and with them all that depends on them
 * @returns head and tail, or undefined when the tail is the whole model
 */
export function splitModel(
  graph: OnnxModelFacts,
  names: readonly string[],
): { head: ModelProto; tail: ModelProto } | undefined {
  const { index, shapes } = graph;
  const inTail = dependants(
    index,
    names.flatMap((name) => graph.nodesCalled(name)),
  );

  // What the tail reads from before the cut: constants and shapes are computed again, the rest comes in.
  const cheap = cheapNodes(index);
  const repeated = new Set<NodeProto>();
  const boundary = new Set<string>();
  const passed = new Set<string>();
  const pending = [...inTail].flatMap(tensorsReadBy);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = index.producer(name);
    if (passed.has(name) || node === undefined || inTail.has(node)) continue;
    passed.add(name);
    if (cheap.has(node)) {
      repeated.add(node);
      pending.push(...tensorsReadBy(node));
    } else {
      boundary.add(name);
    }
  }
  if (boundary.size === 0) return undefined;

  const outputs = index.graph.output.filter(({ name }) => {
    const node = index.producer(name);
    return node !== undefined && inTail.has(node);
  });
  const early = index.graph.output.filter((info) => !outputs.includes(info));
  const crossing = [...boundary].map((name) => declare(shapes, name));
  const headOutputs = [...crossing, ...early.filter(({ name }) => !boundary.has(name))];
  return {
    head: part(index, ancestors(index, headOutputs), [], headOutputs),
    tail: part(index, new Set([...inTail, ...repeated]), crossing, outputs),
  };
}

/** Some nodes and all that depend on them. */
function dependants(index: GraphIndex, start: readonly NodeProto[]): Set<NodeProto> {
  const found = new Set(start);
  const pending = [...start];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const reader of node.output.flatMap((name) => index.consumers(name))) {
      if (found.has(reader)) continue;
      found.add(reader);
      pending.push(reader);
    }
  }
  return found;
}

/** The nodes that some tensors depend on. */
function ancestors(index: GraphIndex, tensors: readonly ValueInfoProto[]): Set<NodeProto> {
  const found = new Set<NodeProto>();
  const pending = tensors.map(({ name }) => name);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = index.producer(name);
    if (node === undefined || found.has(node)) continue;
    found.add(node);
    pending.push(...tensorsReadBy(node));
  }
  return found;
}

/** The nodes that compute with constants and shapes only: in the order of the graph, what they read is known before them. */
function cheapNodes({ graph, initializers }: GraphIndex): Set<NodeProto> {
  const cheap = new Set<NodeProto>();
  const made = new Set<string>();
  for (const node of graph.node) {
    const read = tensorsReadBy(node);
    const fixed = read.length > 0 && read.every((name) => initializers.has(name) || made.has(name));
    if (!fixed && !['Shape', 'Size', 'Constant'].includes(node.opType)) continue;
    cheap.add(node);
    for (const name of node.output) made.add(name);
  }
  return cheap;
}

function declare(shapes: TensorShapes, name: string): ValueInfoProto {
  return makeValueInfo(name, shapes.elementType(name), shapes.shape(name));
}

/** The model of some nodes, with the constants and inputs that they read. */
function part(
  index: GraphIndex,
  nodes: ReadonlySet<NodeProto>,
  extraInputs: readonly ValueInfoProto[],
  output: ValueInfoProto[],
): ModelProto {
  const { graph, model } = index;
  const node = graph.node.filter((candidate) => nodes.has(candidate));
  const touched = new Set([...node.flatMap(tensorsReadBy), ...output.map(({ name }) => name)]);
  const produced = new Set(node.flatMap((candidate) => candidate.output));
  const inputs = graph.input.filter(({ name }) => touched.has(name));
  return copyMessage(model, {
    graph: copyMessage(graph, {
      node,
      initializer: graph.initializer.filter(({ name }) => touched.has(name)),
      sparseInitializer: graph.sparseInitializer.filter(({ values }) => touched.has(values?.name ?? '')),
      input: [...inputs, ...extraInputs],
      output,
      valueInfo: graph.valueInfo.filter(({ name }) => produced.has(name)),
      quantizationAnnotation: [],
    }),
  });
}
