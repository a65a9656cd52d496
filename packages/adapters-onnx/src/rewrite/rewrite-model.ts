/** Carries out core's instructions on an ONNX model. */
import { InputError, type ModelRewrite, type WidthChange } from '@spherize/core';
import type { ModelProto, NodeProto } from 'onnx-buf';
import type { OnnxModelFacts } from '../graph/onnx-model-facts.js';
import { reshapeForm } from '../graph/operators/reshape-forms.js';
import { int64Tensor } from '../proto/tensor-values.js';
import { computationOf } from './computed-shapes.js';
import { GraphEditor } from './graph-editor.js';
import { rewriteFeatures } from './rewrite-features.js';
import { type Fit, rewriteLayer } from './rewrite-layer.js';

/**
 * @param widths what `checkRewrite` found out about the rewrite
 * @returns the model, and the layers and operations whose new parameters are too large or too small for the types that they are stored in
 */
export function rewriteModel(
  graph: OnnxModelFacts,
  rewrite: ModelRewrite,
  widths: ReadonlyMap<string, WidthChange>,
): { model: ModelProto; overflowing: ReadonlySet<string>; vanishing: ReadonlySet<string> } {
  const { index, shapes } = graph;
  const editor = new GraphEditor(index);
  const overflowing = new Set<string>();
  const vanishing = new Set<string>();
  const note = (name: string, fit: Fit): void => {
    if (fit === 'too large') overflowing.add(name);
    if (fit === 'too small') vanishing.add(name);
  };
  for (const change of rewrite.layers) {
    note(change.layer, rewriteLayer(editor, index, shapes, graph.layer(change.layer), change));
    follow(graph, editor, change.layer, widths.get(change.layer));
  }
  for (const change of rewrite.features) {
    note(change.operation, rewriteFeatures(editor, index, graph.operation(change.operation), change));
    follow(graph, editor, change.operation, widths.get(change.operation));
  }
  return { model: editor.finish(), overflowing, vanishing };
}

/** Forgets the recorded shapes of all tensors with another number of features, and puts it into the constants of Reshapes. */
function follow(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  maker: string,
  width: WidthChange | undefined,
): void {
  if (width === undefined) return;
  for (const node of [maker, ...width.through].flatMap((name) => graph.nodesCalled(name))) {
    editor.dropShapes(node.output);
    if (node.opType === 'Reshape') followReshape(graph, editor, node, width);
  }
}

/** Puts the new number of features into the constant shape of a Reshape that says the old one. */
function followReshape(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  node: NodeProto,
  { from, to }: WidthChange,
): void {
  const { index, axes } = graph;
  const form = reshapeForm(graph, node, axes.of(node.input[0]!));
  if (form !== undefined && form.features === undefined) return;
  if (form?.features !== from) {
    throw new InputError('UNSUPPORTED', `Reshape ${node.name} fixes the number of features, ${from}`);
  }
  const make = (name: string) => int64Tensor(name, form.resized(to));
  const stem = `${node.name || node.output[0]}/shape`;
  const source = index.constantSource(node.input[1]!);
  if (source === undefined) editor.setComputed(node, 1, computationOf(graph, node.input[1]!), stem, make);
  else editor.setConstant(node, 1, source, stem, make);
}
