/** Small models with convolutions, one input or two. */
import { TensorProto_DataType } from 'onnx-buf';
import { ModelBuilder } from './build-model.js';

/** Classes of the small model. */
export const CLASSES = 6;

/** Neurons of the two hidden layers. */
export type SmallWidths = readonly [number, number];
const SMALL_WIDTHS: SmallWidths = [24, 16];

/**
 * conv (4 filters of 3×3, padded) → ReLU → flatten → fc1 (24 × 144) → ReLU → fc2 (16 × 24) → ReLU → fc3 (6 × 16),
 * on images of 6×6, or with other hidden layers.
 */
export function smallModel([first, second]: SmallWidths = SMALL_WIDTHS): Uint8Array {
  const model = new ModelBuilder();
  model.input('image', [undefined, 1, 6, 6]);
  const filters = [model.weight('conv.weight', [4, 1, 3, 3]), model.weight('conv.bias', [4])];
  const maps = model.node('Conv', ['image', ...filters], { pads: [1, 1, 1, 1] });
  const flat = model.node('Flatten', [model.node('Relu', [maps])], { axis: 1 });
  const fc1 = fullyConnected(model, 'fc1', flat, first, 144);
  const fc2 = fullyConnected(model, 'fc2', model.node('Relu', [fc1]), second, first);
  fullyConnected(model, 'fc3', model.node('Relu', [fc2]), CLASSES, second, 'scores');
  model.output('scores', [undefined, CLASSES]);
  return model.build();
}

/** A fully connected layer on the sum of two inputs. */
export function modelWithTwoInputs(): Uint8Array {
  const model = new ModelBuilder();
  model.input('left', [undefined, 36]);
  model.input('right', [undefined, 36]);
  fullyConnected(model, 'fc', model.node('Add', ['left', 'right']), CLASSES, 36, 'scores');
  model.output('scores', [undefined, CLASSES]);
  return model.build();
}

function fullyConnected(
  model: ModelBuilder,
  name: string,
  input: string,
  outputs: number,
  inputs: number,
  output = `${name}.out`,
): string {
  const weights = model.weight(`${name}.weight`, [outputs, inputs]);
  const bias = model.weight(`${name}.bias`, [outputs]);
  return model.node('Gemm', [input, weights, bias], { transB: 1 }, [output], `${name}.node`);
}

/** Words of a table, those that are masked as zeros, through a hidden layer: `fc1` (32 × 16) and `fc2` (5 × 32). */
export function textModel(words: number): Uint8Array {
  const b = new ModelBuilder();
  const ids = b.input('input_ids', [undefined, undefined], TensorProto_DataType.INT64);
  const mask = b.input('attention_mask', [undefined, undefined], TensorProto_DataType.INT64);
  for (const { type } of b.inputs) {
    if (type?.value.case !== 'tensorType') continue;
    const names = ['batch', 'sequence'];
    for (const [axis, dim] of type.value.value.shape!.dim.entries())
      dim.value = { case: 'dimParam', value: names[axis]! };
  }
  const looked = b.node('Gather', [b.weight('table', [words, 16]), ids]);
  const seen = b.node('Unsqueeze', [
    b.node('Cast', [mask], { to: TensorProto_DataType.FLOAT }),
    b.integers([2]),
  ]);
  const masked = b.node('Mul', [looked, seen]);
  const hidden = b.node('Relu', [b.node('MatMul', [masked, b.weight('fc1.weight', [16, 32])])]);
  b.node('MatMul', [hidden, b.weight('fc2.weight', [32, 5])], {}, ['scores']);
  return b.output('scores', [undefined, undefined, 5]).build();
}
