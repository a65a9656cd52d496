/** Reorders and scales the parameters that an operation has per feature. */
import { type FeatureRewrite, featuresAfter, transformFeatures } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { channelScales } from '../graph/operators/batch-normalisation.js';
import type { FeatureParameters } from '../graph/operators/operator.js';
import { operatorOf } from '../graph/operators/operator-table.js';
import { copyMessage, intAttribute } from '../proto/onnx-protos.js';
import { dimsOf, fitsType, floatTensor, floatValues, keepsFeatures } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import type { GraphEditor } from './graph-editor.js';
import type { Fit } from './rewrite-layer.js';

/** The operands of a node that hold parameters per feature, with their slots. */
function parametersOf(node: NodeProto, index: GraphIndex): (FeatureParameters & { slot: number })[] {
  return (operatorOf(node)?.parameters ?? [])
    .map((own) => ({
      ...own,
      slot: own.slot === 'constant' ? node.input.findIndex((name) => index.constant(name)) : own.slot,
    }))
    .filter(({ slot }) => node.input[slot]);
}

export function rewriteFeatures(
  editor: GraphEditor,
  index: GraphIndex,
  node: NodeProto,
  change: FeatureRewrite,
): Fit {
  const { operation, order, scales, sums } = change;
  // Features that are added up were multiplied by the operation's factors before: it adds what is left.
  const scaling = sums === undefined ? undefined : channelScales(node, index);
  let fits = true;
  let left = 0;
  const scaled: { dataType: number; values: Float32Array }[] = [];
  for (const { slot, scaling: does, first } of parametersOf(node, index)) {
    const factors = does === 'none' ? null : scales;
    if (order === null && factors === null && sums === undefined) continue;
    const source = index.constantSource(node.input[slot]!);
    if (source === undefined || source.transposed) {
      throw new Error(`${node.opType} ${operation}: input ${slot} is no constant`);
    }
    const { tensor } = source;
    const dims = dimsOf(tensor);
    const wide = dims.findIndex((dim) => dim !== 1);
    const axis = first ? 0 : Math.max(wide, 0);
    const features = dims[axis] ?? 1;
    const values = scaling?.shifts ?? floatValues(tensor);
    const own = { order, scales: factors, sums };
    const result = featuresAfter(own, features);
    const neutral = scaling?.neutral[slot];
    const changed =
      neutral === undefined
        ? transformFeatures(
            values,
            [1, features, values.length / features],
            own,
            does === 'divide' ? 'divide' : 'multiply',
          )
        : new Float32Array(result).fill(neutral);
    fits &&= fitsType(tensor.dataType, changed);
    left = result;
    if (factors !== null) scaled.push({ dataType: tensor.dataType, values: changed });
    const shape = dims.map((dim, place) => (place === axis ? result : dim));
    editor.setConstant(node, slot, source, `${operation}/parameter${slot}`, (name) =>
      floatTensor(name, shape, tensor.dataType, changed),
    );
  }
  const groups = node.opType === 'Conv' ? intAttribute(node, 'group', 1) : 1;
  if (groups > 1 && left > 0 && left !== groups) {
    editor.change(node, {
      attribute: node.attribute.map((own) =>
        own.name === 'group' ? copyMessage(own, { i: BigInt(left) }) : own,
      ),
    });
  }
  if (!fits) return 'too large';
  return keepsFeatures(left, scaled) ? 'fits' : 'too small';
}
