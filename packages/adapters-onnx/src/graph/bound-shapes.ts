/** Shapes for one size of every free axis of the model's inputs: sizes that nothing else in a model is likely to have. */
import type { ModelProto, ValueInfoProto } from 'onnx-buf';
import { copyMessage, declaredShape, makeTensorType } from '../proto/onnx-protos.js';
import { GraphIndex } from '../tensors/graph-index.js';
import { TensorShapes } from './tensor-shapes.js';

const SIZES = [13, 17, 19, 23, 29, 31, 37, 41, 43, 47];
/** Images keep enough positions for every window. */
const POSITIONS = 224;

export function boundShapes(index: GraphIndex): TensorShapes {
  const named = new Map<string, number>();
  let used = 0;
  const next = (): number => SIZES[used++ % SIZES.length]!;
  const bound = (info: ValueInfoProto): ValueInfoProto => {
    const shape = declaredShape(info);
    const type = info.type?.value;
    if (shape === undefined || type?.case !== 'tensorType' || shape.every((size) => size !== undefined))
      return info;
    const sizes = shape.map((size, axis) => {
      if (size !== undefined) return size;
      if (shape.length >= 4 && axis >= 2) return POSITIONS;
      const dim = type.value.shape!.dim[axis]!.value;
      if (dim.case !== 'dimParam' || dim.value === '') return next();
      if (!named.has(dim.value)) named.set(dim.value, next());
      return named.get(dim.value)!;
    });
    return copyMessage(info, { type: makeTensorType(type.value.elemType, sizes) });
  };
  const { graph, model } = index;
  const copy: ModelProto = copyMessage(model, {
    graph: copyMessage(graph, { input: graph.input.map(bound) }),
  });
  return new TensorShapes(new GraphIndex(copy, index.dequantize));
}
