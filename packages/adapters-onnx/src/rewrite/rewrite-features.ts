/** Reorders and scales the parameters that an operation has per feature. */
import type { FeatureRewrite } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import type { FeatureParameters } from '../graph/operators/operator.js';
import { operatorOf } from '../graph/operators/operator-table.js';
import { dimsOf, fitsType, floatTensor, floatValues } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import type { ModelEditor } from './model-editor.js';

/** The operands of a node that hold parameters per feature, with their slots. */
function parametersOf(node: NodeProto, index: GraphIndex): (FeatureParameters & { slot: number })[] {
  return (operatorOf(node)?.parameters ?? [])
    .map((own) => ({
      ...own,
      slot: own.slot === 'constant' ? node.input.findIndex((name) => index.constant(name)) : own.slot,
    }))
    .filter(({ slot }) => node.input[slot]);
}

/** @returns whether the new values fit into the types that they are stored in */
export function rewriteFeatures(
  editor: ModelEditor,
  index: GraphIndex,
  node: NodeProto,
  { operation, order, scales }: FeatureRewrite,
): boolean {
  const parameters = parametersOf(node, index);
  let fits = true;
  for (const { slot, scaling, first } of parameters) {
    if (order === null && (scales === null || scaling === 'none')) continue;
    const source = index.constantSource(node.input[slot]!);
    if (source === undefined || source.transposed) {
      throw new Error(`${node.opType} ${operation}: input ${slot} is no constant`);
    }
    const { tensor } = source;
    const dims = dimsOf(tensor);
    const axis = first
      ? 0
      : Math.max(
          dims.findIndex((dim) => dim !== 1),
          0,
        );
    const features = dims[axis] ?? 1;
    const result = order?.length ?? features;
    const values = floatValues(tensor);
    const width = values.length / features;
    const changed = new Float32Array(result * width);
    for (let i = 0; i < result; i++) {
      const from = order?.[i] ?? i;
      changed.set(values.subarray(from * width, (from + 1) * width), i * width);
      if (scales === null || scaling === 'none') continue;
      const factor = scales[i]!;
      for (let k = i * width; k < (i + 1) * width; k++) {
        changed[k] = scaling === 'multiply' ? changed[k]! * factor : changed[k]! / factor;
      }
    }
    fits &&= fitsType(tensor.dataType, changed);
    const shape = dims.map((dim, place) => (place === axis ? result : dim));
    editor.setConstant(node, slot, source, `${operation}/parameter${slot}`, (name) =>
      floatTensor(name, shape, tensor.dataType, changed),
    );
  }
  return fits;
}
