/** Reorders and scales the parameters that an operation has per feature. */
import type { FeatureRewrite } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from './graph-index.js';
import type { ModelEditor } from './model-editor.js';
import { dimsOf, floatTensor, floatValues } from './tensor-values.js';

/** One operand with parameters per feature. */
interface Parameters {
  readonly slot: number;
  /** What the factors do to them. */
  readonly scaling: 'multiply' | 'divide' | 'none';
  /** Whether the features lie on axis 0 rather than on the one axis wider than 1. */
  readonly first?: boolean;
}

/** The operands of a node that hold parameters per feature. */
function parametersOf(node: NodeProto, index: GraphIndex): readonly Parameters[] {
  switch (node.opType) {
    case 'Conv':
      return [
        { slot: 1, scaling: 'multiply', first: true },
        { slot: 2, scaling: 'multiply' },
      ];
    case 'BatchNormalization':
      return [
        { slot: 1, scaling: 'multiply' },
        { slot: 2, scaling: 'multiply' },
        { slot: 3, scaling: 'none' },
        { slot: 4, scaling: 'none' },
      ];
    case 'PRelu':
      return [{ slot: 1, scaling: 'none' }];
    case 'Add':
    case 'Sub':
    case 'Mul':
      return [{ slot: node.input.findIndex((name) => index.constant(name)), scaling: 'multiply' }];
    case 'Div':
      return [{ slot: 1, scaling: 'divide' }];
    default:
      return [];
  }
}

export function rewriteFeatures(
  editor: ModelEditor,
  index: GraphIndex,
  node: NodeProto,
  { operation, order, scales }: FeatureRewrite,
): void {
  const parameters = parametersOf(node, index).filter(({ slot }) => node.input[slot]);
  if (parameters.length === 0) throw new Error(`${node.opType} ${operation} has no parameters per feature`);
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
    if (scales !== null && scales.length !== result) {
      throw new Error(`${node.opType} ${operation}: ${scales.length} factors for ${result} features`);
    }
    const values = floatValues(tensor);
    const width = values.length / features;
    const changed = new Float32Array(result * width);
    for (let i = 0; i < result; i++) {
      const from = order?.[i] ?? i;
      if (from < 0 || from >= features) {
        throw new Error(`${node.opType} ${operation}: feature ${from} of ${features}`);
      }
      changed.set(values.subarray(from * width, (from + 1) * width), i * width);
      if (scales === null || scaling === 'none') continue;
      const factor = scales[i]!;
      for (let k = i * width; k < (i + 1) * width; k++) {
        changed[k] = scaling === 'multiply' ? changed[k]! * factor : changed[k]! / factor;
      }
    }
    const shape = dims.map((dim, place) => (place === axis ? result : dim));
    editor.setConstant(node, slot, source, `${operation}/parameter${slot}`, (name) =>
      floatTensor(name, shape, tensor.dataType, changed),
    );
  }
}
