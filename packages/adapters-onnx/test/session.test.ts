import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { ModelBuilder } from './build-model.js';
import { run } from './running.js';
import { RUNTIMES } from './runtimes.js';

const FLOATS = Float32Array.of(1, -2, 0.5);
const X = { shape: [1, 3], data: FLOATS };

function identity(): ModelBuilder {
  const b = new ModelBuilder();
  b.node('Identity', [b.input('x', [undefined, 3])], {}, ['y']);
  return b.output('y');
}

describe.each(RUNTIMES)('on the $runtime runtime', ({ onnxModel }) => {
  test.each([
    ['FLOAT', FLOATS],
    ['FLOAT16', FLOATS],
    // Numbers that float32 skips.
    ['DOUBLE', Float64Array.of(1, -1e300, 0.1)],
    ['INT64', Float64Array.of(-(2 ** 53), 2 ** 53, 2 ** 24 + 1)],
    ['UINT64', Float64Array.of(0, 2 ** 53, 2 ** 24 + 1)],
    ['INT32', Float64Array.of(-(2 ** 31), 2 ** 31 - 1, 7)],
    ['UINT32', Float64Array.of(0, 2 ** 32 - 1, 7)],
    ['INT16', Float32Array.of(-(2 ** 15), 2 ** 15 - 1, 7)],
    ['UINT16', Float32Array.of(0, 2 ** 16 - 1, 7)],
    ['INT8', Float32Array.of(-128, 127, 7)],
    ['UINT8', Float32Array.of(0, 255, 7)],
    ['BOOL', Float32Array.of(0, 1, 1)],
  ] as const)('%s goes in and comes out unchanged', async (type, data) => {
    const b = new ModelBuilder();
    b.node('Identity', [b.input('x', [undefined, 3], DataType[type])], {}, ['y']);
    const model = onnxModel(b.output('y', [undefined, 3], DataType[type]).build());
    expect((await run(model, { x: { shape: [1, 3], data } })).y).toEqual({ shape: [1, 3], data });
  });

  test.each([
    ['UINT8', 0.5],
    ['UINT8', -1],
    ['UINT8', 256],
    ['INT32', 2 ** 31],
    ['INT64', 2 ** 60],
    ['BOOL', 2],
    ['INT16', Number.NaN],
  ] as const)('%s does not take %d: it is neither rounded nor wrapped around', async (type, wrong) => {
    const b = new ModelBuilder();
    b.node('Identity', [b.input('x', [undefined, 3], DataType[type])], {}, ['y']);
    const model = onnxModel(b.output('y', [undefined, 3], DataType[type]).build());
    const x = { shape: [1, 3], data: Float64Array.of(0, wrong, 0) };
    await expect(run(model, { x })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringMatching(`x takes ${type.toLowerCase()}, .*, got ${wrong}`.replace('+', '.')),
    });
  });

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
    b.node('Identity', [b.input('x', [undefined, 3], DataType.STRING)], {}, ['y']);
    const model = onnxModel(b.output('y', undefined, DataType.STRING).build());
    expect(model.inputs).toEqual([{ name: 'x', shape: [undefined, 3], type: 'string' }]);
    await expect(run(model, { x: X })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('outputs of text and sequences are left out, those of numbers are fetched', async () => {
    const b = new ModelBuilder();
    const x = b.input('x', [undefined, 3]);
    b.node('Cast', [x], { to: DataType.STRING }, ['text']);
    b.node('SequenceConstruct', [x], {}, ['list']);
    b.node('ArgMax', [x], { axis: 1, keepdims: 0 }, ['label']);
    b.node('Neg', [x], {}, ['y']);
    b.output('text', [undefined, 3], DataType.STRING).output('label', [undefined], DataType.INT64);
    b.sequenceOutput('list').output('y', [undefined, 3]);
    const model = onnxModel(b.build());
    expect(model.outputs.map(({ name, type }) => [name, type])).toEqual([
      ['text', 'string'],
      ['label', 'int64'],
      ['list', 'other'],
      ['y', undefined],
    ]);
    expect(await run(model, { x: X })).toEqual({
      label: { shape: [1], data: Float64Array.of(0) },
      y: { shape: [1, 3], data: Float32Array.of(-1, 2, -0.5) },
    });
  });
});
