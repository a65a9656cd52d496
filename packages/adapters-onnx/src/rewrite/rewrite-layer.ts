/** Puts new weights, a new bias and the cluster sum in place of one layer. */
import { type DenseMatrix, type LayerRewrite, spanOf, transpose } from '@spherize/core';
import type { OnnxLayer } from '../graph/fc-layers.js';
import { filtersOfRows } from '../graph/filter-rows.js';
import type { TensorShapes } from '../graph/tensor-shapes.js';
import { intAttribute, makeNode } from '../proto/onnx-protos.js';
import { dimsOf, fitsType, floatTensor, keepsFeatures } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import { type ClusterSumTarget, clusterSum } from './cluster-sum.js';
import type { GraphEditor } from './graph-editor.js';

/** Whether new values fit into the types that they are stored in. */
export type Fit = 'fits' | 'too large' | 'too small';

export function rewriteLayer(
  editor: GraphEditor,
  index: GraphIndex,
  shapes: TensorShapes,
  target: OnnxLayer,
  rewrite: LayerRewrite,
): Fit {
  const { node, name, layer, weights } = target;
  const { weights: matrix, bias, input } = rewrite;
  const { dataType } = weights.tensor;

  const stored = storedWeights(target, matrix);
  editor.setConstant(node, 1, weights, `${name}.weight`, (tensor) =>
    floatTensor(tensor, stored.shape, dataType, stored.data),
  );
  const settled = new Set(target.addsForeign ? ['alpha'] : ['alpha', 'beta']);
  editor.change(node, { attribute: node.attribute.filter((attribute) => !settled.has(attribute.name)) });

  if (bias !== null) setBias(editor, target, bias);
  if (input !== null) {
    const { nodes, output } = clusterSum(
      {
        editor,
        opset: index.opset,
        layer: name,
        input: layer.input,
        ...axisOf(target, shapes),
        dataType,
      },
      input,
    );
    editor.insertBefore(node, nodes);
    editor.setInput(node, 0, output);
  }
  const fits = (values: Float32Array | null | undefined, type = dataType): boolean =>
    !values || fitsType(type, values);
  const biasType = target.bias?.source.tensor.dataType ?? dataType;
  if (!fits(stored.data) || !fits(bias, biasType) || !fits(input?.multiply)) return 'too large';
  const rows = [{ dataType, values: matrix.data }];
  if (bias !== null) rows.push({ dataType: biasType, values: bias });
  const factors = input?.multiply ?? new Float32Array();
  const keeps =
    keepsFeatures(matrix.rows / spanOf(layer), rows) &&
    keepsFeatures(factors.length, [{ dataType, values: factors }]);
  return keeps ? 'fits' : 'too small';
}

/** Weights in the form in which the node reads them, whatever stood between tensor and node. */
function storedWeights(
  { node, layer }: OnnxLayer,
  matrix: DenseMatrix,
): { shape: number[]; data: Float32Array } {
  if (layer.window !== undefined) {
    const span = spanOf(layer);
    const shape = [matrix.rows / span, matrix.cols, ...layer.window.kernel];
    return { shape, data: filtersOfRows(matrix, span) };
  }
  const transB = node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 1;
  const { rows, cols, data } = transB ? matrix : transpose(matrix);
  return { shape: [rows, cols], data };
}

/** Where the columns of a layer lie in what it reads. */
function axisOf(
  { node, layer }: OnnxLayer,
  shapes: TensorShapes,
): Pick<ClusterSumTarget, 'rank' | 'channels'> {
  if (layer.window === undefined) {
    return { rank: node.opType === 'Gemm' ? 2 : shapes.rank(layer.input), channels: undefined };
  }
  const rank = 2 + layer.window.kernel.length;
  const places = shapes.shape(layer.input)?.slice(2);
  const known = places?.every((size) => size !== undefined) === true;
  return { rank, channels: { places: known ? places : undefined } };
}

function setBias(editor: GraphEditor, target: OnnxLayer, values: Float32Array): void {
  const outputs = values.length;
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
  if (node.opType !== 'MatMul' && !target.addsForeign) {
    editor.setInput(node, 2, tensor);
    return;
  }
  const product = editor.fresh(`${name}/product`);
  editor.change(node, { output: [product] });
  editor.insertAfter(node, [makeNode('Add', editor.fresh(`${name}/add`), [product, tensor], [output])]);
}
