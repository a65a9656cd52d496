import { TensorProto_DataType as DataType } from 'onnx-buf';
import { expect, test } from 'vitest';
import { onnxModel } from '../src/index.js';
import { ModelBuilder } from './build-model.js';
import { run } from './running.js';

const X = { shape: [1, 3], data: Float32Array.of(1, -2, 0.5) };

test.each(['FLOAT', 'FLOAT16', 'DOUBLE', 'INT64', 'INT32'] as const)(
  '%s inputs and outputs are float32 outside',
  async (type) => {
    const b = new ModelBuilder();
    b.node('Identity', [b.input('x', [undefined, 3], DataType[type])], {}, ['y']);
    const model = onnxModel(b.output('y', [undefined, 3], DataType[type]).build());
    const { y } = await run(model, { x: X });
    const whole = type.startsWith('INT');
    expect(y).toEqual(whole ? { shape: [1, 3], data: Float32Array.of(1, -2, 0) } : X);
  },
);

function identity(): ModelBuilder {
  const b = new ModelBuilder();
  b.node('Identity', [b.input('x', [undefined, 3])], {}, ['y']);
  return b.output('y');
}

test('tensors that the model does not read are ignored, those it reads are required', async () => {
  const model = onnxModel(identity().build());
  expect(await run(model, { x: X, other: X })).toEqual({ y: X });
  await expect(run(model, { other: X })).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: "the model's input x is missing",
  });
});

test('a model that the runtime refuses is a bad file, in one line', async () => {
  const b = identity();
  b.node('NoSuchOperator', ['x'], {}, ['z']);
  const error = await onnxModel(b.output('z').build())
    .session()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'InputError', code: 'BAD_FILE' });
  expect((error as Error).message).toMatch(/^onnxruntime cannot run the model: .*NoSuchOperator.*$/);
});

test('inputs that take no numbers are refused', async () => {
  const b = new ModelBuilder();
  b.node('Not', [b.input('x', [undefined, 3], DataType.BOOL)], {}, ['y']);
  const model = onnxModel(b.output('y', undefined, DataType.BOOL).build());
  await expect(run(model, { x: X })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
});
