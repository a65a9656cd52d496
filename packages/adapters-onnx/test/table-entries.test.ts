/** What a model's inputs tell of their values: the tables that look them up, and the names of their free axes. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder } from './build-model.js';

test('the entries of the smallest table, through what gives numbers on', () => {
  const b = new ModelBuilder();
  const ids = b.input('ids', [undefined, 4], DataType.INT64);
  const other = b.input('other', [undefined, 4], DataType.INT64);
  const cast = b.node('Cast', [b.node('Reshape', [ids, b.integers([-1])])], { to: DataType.INT32 });
  const large = b.node('Gather', [b.weight('words', [50, 3]), cast]);
  const small = b.node('Gather', [b.weight('letters', [3, 20]), ids], { axis: 1 });
  const table = b.node('Transpose', [b.weight('turned', [3, 40])], { perm: [1, 0] });
  const computed = b.node('Gather', [table, other]);
  const looked = b.node('Gather', [large, other]);
  for (const [i, name] of [large, small, computed, looked].entries())
    b.node('Identity', [name], {}, [`y${i}`]);
  const model = onnxModel(b.output('y0').output('y1').output('y2').output('y3').build());
  expect(model.inputs).toEqual([
    { name: 'ids', shape: [undefined, 4], type: 'int64', entries: 20 },
    { name: 'other', shape: [undefined, 4], type: 'int64', entries: 40 },
  ]);
});

test('the names of free axes', () => {
  const b = new ModelBuilder();
  b.input('x', [undefined, undefined, 4]);
  b.input('y', [undefined, 4]);
  const { value } = b.inputs[0]!.type!;
  if (value.case !== 'tensorType') throw new Error('no tensor');
  value.value.shape!.dim[1]!.value = { case: 'dimParam', value: 'sequence' };
  b.node('Add', ['x', 'y'], {}, ['z']);
  expect(onnxModel(b.output('z').build()).inputs).toEqual([
    { name: 'x', shape: [undefined, undefined, 4], axes: [undefined, 'sequence', undefined] },
    { name: 'y', shape: [undefined, 4] },
  ]);
});
