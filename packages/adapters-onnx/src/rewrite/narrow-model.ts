/** Takes features out of an ONNX model as core says: the same nodes, with less in them. */
import { type DenseMatrix, InputError, type ModelNarrowing, narrowedValues } from '@spherize/core';
import type { ModelProto, NodeProto } from 'onnx-buf';
import { boundShapes } from '../graph/bound-shapes.js';
import type { WeightedNode } from '../graph/feature-graph.js';
import { startOf } from '../graph/layer-values.js';
import type { OnnxModelFacts } from '../graph/onnx-model-facts.js';
import { operatorOf } from '../graph/operators/operator-table.js';
import { copyMessage } from '../proto/onnx-protos.js';
import { dimsOf, fitsType, floatTensor, floatValues, isFloatType } from '../proto/tensor-values.js';
import { GraphIndex } from '../tensors/graph-index.js';
import { GraphEditor } from './graph-editor.js';
import { narrowPad, narrowPick, narrowSlices } from './narrow-cuts.js';
import { narrowTargets } from './narrow-targets.js';
import { rewriteLayer } from './rewrite-layer.js';

/** A narrower model, and the layers whose new parameters do not fit into the types that they are stored in. */
interface NarrowedOnnx {
  readonly model: ModelProto;
  readonly overflowing: ReadonlySet<string>;
}

/** @throws InputError `UNSUPPORTED` where lengths are computed in a way that does not follow the features */
export function narrowModel(graph: OnnxModelFacts, narrowing: ModelNarrowing): NarrowedOnnx {
  const narrower = withTargets(graph, narrowing, new Set());
  if (narrowing.sizes.size === 0) return narrower;
  const wrong = new Set(wrongSizes(graph, narrowing, narrower.model).map(({ node }) => node));
  if (wrong.size === 0) return narrower;
  const settled = withTargets(graph, narrowing, wrong);
  const [still] = wrongSizes(graph, narrowing, settled.model);
  if (still === undefined) return settled;
  throw new InputError(
    'UNSUPPORTED',
    `${still.node.opType} ${still.node.name || still.tensor}: the length ${still.found ?? 'of its result'} is computed in a way that does not follow the features, of which ${still.length} are left; simplify the model first, or leave the width out`,
  );
}

/** @param settled nodes that get shapes of their own, as constants */
function withTargets(
  graph: OnnxModelFacts,
  narrowing: ModelNarrowing,
  settled: ReadonlySet<NodeProto>,
): NarrowedOnnx {
  const { index, shapes, features } = graph;
  const editor = new GraphEditor(index);
  const overflowing = new Set<string>();
  for (const [name, { weights, bias }] of narrowing.layers) {
    const target = features.weighted(name);
    const fits =
      target.product === undefined
        ? setWeights(editor, target, weights, bias)
        : rewriteLayer(editor, index, shapes, target.product, { layer: name, weights, bias, input: null });
    if (!fits) overflowing.add(name);
  }
  for (const constant of narrowing.constants) narrowConstant(graph, editor, constant);
  for (const [name, axes] of narrowing.pads) narrowPad(graph, editor, features.nodeOf(name), axes);
  for (const [name, places] of narrowing.picks) narrowPick(graph, editor, features.nodeOf(name), places);
  narrowSlices(graph, editor, narrowing.slices);
  narrowTargets(graph, editor, narrowing.sizes, settled);
  return { model: editor.finish(), overflowing };
}

/** Results whose lengths are not those that are planned, in the order of the graph. */
function wrongSizes(
  { index, features }: OnnxModelFacts,
  { sizes }: ModelNarrowing,
  narrower: ModelProto,
): { node: NodeProto; tensor: string; length: number; found: number | undefined }[] {
  const shapes = boundShapes(new GraphIndex(narrower, index.dequantize));
  return index.graph.node.flatMap((node) =>
    node.output.flatMap((tensor) =>
      [...(sizes.get(tensor) ?? [])].flatMap(([axis, length]) => {
        const found = shapes.shape(tensor)?.at(axis);
        const told = operatorOf(node)?.target !== undefined && features.shape(tensor)?.at(axis) !== undefined;
        return found === length || (found === undefined && !told) ? [] : [{ node, tensor, length, found }];
      }),
    ),
  );
}

/** Weights `[outputs, inputs / groups, …]`, or `[inputs, outputs / groups, …]`. */
function setWeights(
  editor: GraphEditor,
  { layer, node, weights, layout, bias }: WeightedNode,
  matrix: DenseMatrix,
  newBias: Float32Array | null,
): boolean {
  const { span } = layer;
  const depthwise = layer.groups === layer.inputs && layer.groups > 1;
  const [outputs, columns] = [matrix.rows / span, matrix.cols];
  const groups = depthwise ? (outputs * layer.inputs) / layer.outputs : layer.groups;
  const sizes = { outputs, inputs: columns * groups, span, groups };
  const values = new Float32Array(matrix.data.length);
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < columns; c++) {
      const to = startOf(sizes, layout, o, c);
      for (let s = 0; s < span; s++) values[to + s] = matrix.data[(o * span + s) * columns + c]!;
    }
  }
  const { dataType } = weights.tensor;
  const front = layout === 'inputs first' ? [sizes.inputs, outputs / groups] : [outputs, columns];
  const shape = [...front, ...dimsOf(weights.tensor).slice(2)];
  editor.setConstant(node, 1, weights, `${layer.name}.weight`, (name) =>
    floatTensor(name, shape, dataType, values),
  );
  if (bias !== undefined && newBias !== null) {
    editor.setConstant(node, bias.slot, bias.source, `${layer.name}.bias`, (name) =>
      floatTensor(name, [newBias.length], bias.source.tensor.dataType, newBias),
    );
  }
  if (groups !== layer.groups) {
    editor.change(node, {
      attribute: node.attribute.map((own) =>
        own.name === 'group' ? copyMessage(own, { i: BigInt(groups) }) : own,
      ),
    });
  }
  return fitsType(dataType, values) && (newBias === null || fitsType(dataType, newBias));
}

function narrowConstant(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  constant: ModelNarrowing['constants'][number],
): void {
  const { operation, slot } = constant;
  const node = graph.features.nodeOf(operation);
  const source = graph.index.constantSource(node.input[slot]!)!;
  const { tensor } = source;
  if (!isFloatType(tensor.dataType) || source.transposed)
    throw new InputError(
      'UNSUPPORTED',
      `${operation}: its constant ${source.names.at(-1)} is no plain tensor of floats`,
    );
  const { shape, values } = narrowedValues(floatValues(tensor), dimsOf(tensor), constant);
  editor.setConstant(node, slot, source, `${operation}/constant${slot}`, (name) =>
    floatTensor(name, shape, tensor.dataType, values),
  );
}
