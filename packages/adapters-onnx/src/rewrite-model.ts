/** Carries out core's instructions on an ONNX model. */
import { InputError, type ModelRewrite } from '@spherize/core';
import type { ModelProto, NodeProto } from 'onnx-buf';
import { ModelEditor } from './model-editor.js';
import type { OnnxGraph } from './onnx-graph.js';
import { reshapeForm } from './reshape-forms.js';
import { rewriteFeatures } from './rewrite-features.js';
import { rewriteLayer } from './rewrite-layer.js';
import { int64Tensor } from './tensor-values.js';

/**
 * @throws InputError `UNKNOWN_NAME` for a layer or operation that the model does not have
 */
export function rewriteModel(graph: OnnxGraph, rewrite: ModelRewrite): ModelProto {
  const { index, shapes } = graph;
  const editor = new ModelEditor(index);
  const seen = new Set<string>();
  const once = (name: string) => {
    if (seen.has(name)) throw new Error(`${name} is rewritten twice`);
    seen.add(name);
  };
  for (const change of rewrite.layers) {
    once(change.layer);
    const target = graph.layer(change.layer);
    rewriteLayer(editor, index, shapes, target, change);
    if (change.weights.rows !== target.layer.outputs) {
      resize(graph, editor, target.output, target.layer.outputs, change.weights.rows);
    }
  }
  for (const change of rewrite.features) {
    once(change.operation);
    const node = graph.operation(change.operation);
    rewriteFeatures(editor, index, node, change);
    const before = graph.axes.of(node.output[0]!)?.count;
    if (node.opType === 'Conv' && change.order !== null && before !== change.order.length) {
      resize(graph, editor, node.output[0]!, before!, change.order.length);
    }
  }
  return editor.finish();
}

/**
 * The number of features of a tensor changed: forgets the recorded shapes from there to the next layers, and follows it
 * in the constants of Reshapes.
 */
function resize(graph: OnnxGraph, editor: ModelEditor, tensor: string, before: number, after: number): void {
  const { index } = graph;
  const visited = new Set<NodeProto>();
  const pending = [tensor];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    editor.dropShapes([name]);
    if (index.isOutput(name)) {
      throw new InputError(
        'UNSUPPORTED',
        `${tensor}: its ${before} features reach the model's output ${name}`,
      );
    }
    for (const node of index.consumers(name)) {
      if (visited.has(node) || graph.isLayerNode(node)) continue;
      visited.add(node);
      if (node.opType === 'Reshape' && node.input[0] === name)
        followReshape(graph, editor, node, before, after);
      pending.push(...node.output.filter((output) => output !== ''));
    }
  }
}

function followReshape(
  graph: OnnxGraph,
  editor: ModelEditor,
  node: NodeProto,
  before: number,
  after: number,
): void {
  const { index, shapes } = graph;
  const form = reshapeForm(index, shapes, node);
  if (form !== undefined && form.features === undefined) return;
  const source = index.constantSource(node.input[1]!);
  if (form?.features !== before || source === undefined) {
    throw new InputError('UNSUPPORTED', `Reshape ${node.name} fixes the number of features, ${before}`);
  }
  const target = index.constantIntegers(node.input[1])!.map((dim, i) => (i === form.axis ? after : dim));
  editor.setConstant(node, 1, source, `${node.name || node.output[0]}/shape`, (name) =>
    int64Tensor(name, target),
  );
}
