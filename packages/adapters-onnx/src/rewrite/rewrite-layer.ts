/** Puts new weights, a new bias and the cluster sum in place of one fully connected layer. */
import { type LayerRewrite, transpose } from '@spherize/core';
import type { OnnxLayer } from '../graph/fc-layers.js';
import type { TensorShapes } from '../graph/tensor-shapes.js';
import { intAttribute, makeNode } from '../proto/onnx-protos.js';
import { dimsOf, fitsType, floatTensor } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import { clusterSum } from './cluster-sum.js';
import type { ModelEditor } from './model-editor.js';

/** @returns whether the new values fit into the types that they are stored in */
export function rewriteLayer(
  editor: ModelEditor,
  index: GraphIndex,
  shapes: TensorShapes,
  target: OnnxLayer,
  rewrite: LayerRewrite,
): boolean {
  const { node, name, layer, weights } = target;
  const { weights: matrix, bias, input } = rewrite;
  const { dataType } = weights.tensor;

  // Weights are written in the form in which the node reads them, whatever stood between tensor and node.
  const transB = node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 1;
  const stored = transB ? matrix : transpose(matrix);
  editor.setConstant(node, 1, weights, `${name}.weight`, (tensor) =>
    floatTensor(tensor, [stored.rows, stored.cols], dataType, stored.data),
  );
  const settled = new Set(target.addsForeign ? ['alpha'] : ['alpha', 'beta']);
  editor.change(node, { attribute: node.attribute.filter((attribute) => !settled.has(attribute.name)) });

  if (bias !== null) setBias(editor, target, bias, matrix.rows);
  if (input !== null) {
    const { nodes, output } = clusterSum(
      {
        editor,
        opset: index.opset,
        layer: name,
        input: layer.input,
        rank: node.opType === 'Gemm' ? 2 : shapes.rank(layer.input),
        dataType,
      },
      input,
    );
    editor.insertBefore(node, nodes);
    editor.setInput(node, 0, output);
  }
  const fits = (values: Float32Array | null | undefined, type = dataType): boolean =>
    !values || fitsType(type, values);
  return fits(stored.data) && fits(bias, target.bias?.source.tensor.dataType) && fits(input?.multiply);
}

function setBias(editor: ModelEditor, target: OnnxLayer, values: Float32Array, outputs: number): void {
  const { node, name, bias, output, weights } = target;
  const { dataType } = bias?.source.tensor ?? weights.tensor;
  if (bias !== undefined) {
    const rank = Math.max(dimsOf(bias.source.tensor).length, 1);
    editor.setConstant(bias.node, bias.slot, bias.source, `${name}.bias`, (tensor) =>
      floatTensor(tensor, [...Array<number>(rank - 1).fill(1), outputs], dataType, values),
    );
    return;
  }
  const tensor = editor.addInitializer(
    floatTensor(editor.fresh(`${name}.bias`), [outputs], dataType, values),
  );
  if (node.opType === 'Gemm' && !target.addsForeign) {
    editor.setInput(node, 2, tensor);
    return;
  }
  const product = editor.fresh(`${name}/product`);
  editor.change(node, { output: [product] });
  editor.insertAfter(node, [makeNode('Add', editor.fresh(`${name}/add`), [product, tensor], [output])]);
}
