/** Puts new weights, a new bias and the cluster sum in place of one fully connected layer. */
import { type LayerRewrite, transpose } from '@spherize/core';
import { clusterSum } from './cluster-sum.js';
import type { OnnxLayer } from './fc-layers.js';
import type { GraphIndex } from './graph-index.js';
import type { ModelEditor } from './model-editor.js';
import { intAttribute, makeNode } from './onnx-protos.js';
import type { TensorShapes } from './tensor-shapes.js';
import { dimsOf, floatTensor } from './tensor-values.js';

export function rewriteLayer(
  editor: ModelEditor,
  index: GraphIndex,
  shapes: TensorShapes,
  target: OnnxLayer,
  rewrite: LayerRewrite,
): void {
  const { node, name, layer, weights } = target;
  const { weights: matrix, bias, input } = rewrite;
  const { dataType } = weights.tensor;
  checkShapes(target, rewrite);

  // Weights are written in the form in which the node reads them, whatever stood between tensor and node.
  const transB = node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 1;
  const stored = transB ? matrix : transpose(matrix);
  editor.setConstant(node, 1, weights, `${name}.weight`, (tensor) =>
    floatTensor(tensor, [stored.rows, stored.cols], dataType, stored.data),
  );
  const settled = new Set(target.addsForeign ? ['alpha'] : ['alpha', 'beta']);
  // A bias that stays keeps its factor.
  if (target.bias !== undefined && bias === null) settled.delete('beta');
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

function checkShapes({ name, bias }: OnnxLayer, { weights, bias: values, input }: LayerRewrite): void {
  if (input?.groups.length === 0) throw new Error(`${name}: no clusters`);
  const clusters = input?.groups.reduce((sum, { count }) => sum + count, 0) ?? weights.cols;
  if (clusters !== weights.cols) {
    throw new Error(`${name}: ${clusters} clusters but weights of ${weights.cols} columns`);
  }
  if (values !== null && values.length !== weights.rows) {
    throw new Error(`${name}: ${values.length} bias values but weights of ${weights.rows} rows`);
  }
  const needed = input?.gather?.length ?? input?.multiply?.length;
  const summed = input?.groups.reduce((sum, { size, count }) => sum + size * count, 0);
  if (needed !== undefined && needed !== summed) {
    throw new Error(`${name}: ${needed} positions but groups of ${summed}`);
  }
  const kept = bias === undefined ? undefined : dimsOf(bias.source.tensor).at(-1);
  if (values === null && kept !== undefined && kept !== 1 && kept !== weights.rows) {
    throw new Error(`${name}: weights of ${weights.rows} rows need a bias of as many values`);
  }
}
