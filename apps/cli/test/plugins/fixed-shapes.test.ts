import { onnxModel } from '@spherize/adapters-onnx/node';
import { compressModel, findWidths, type Model } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { ModelBuilder } from '../../../../packages/adapters-onnx/test/build-model.js';
import { parseShapes } from '../../src/options/parse.js';
import { withShapes } from '../../src/plugins/fixed-shapes.js';

/** A convolution over images of any size, their mean, and a layer; beside it an input that is only added. */
function anySize(): Model {
  const b = new ModelBuilder();
  const maps = b.node('Conv', [
    b.input('image', [undefined, 3, undefined, undefined]),
    b.weight('k', [4, 3, 1, 1]),
  ]);
  const mean = b.node('Flatten', [b.node('GlobalAveragePool', [maps])], { axis: 1 });
  const product = b.node('MatMul', [mean, b.weight('fc.weight', [4, 2])]);
  b.node('Add', [product, b.input('bias', [undefined, 2])], {}, ['y']);
  return onnxModel(b.output('y', [undefined, 2]).build());
}

const shaped = (text: string) => withShapes(anySize(), parseShapes(text));

describe('a shape', () => {
  test('sets free axes, in parts and rewritten models too', () => {
    const model = shaped('image=?,3,8,6');
    expect(model.inputs.map(({ shape }) => shape)).toEqual([
      [undefined, 3, 8, 6],
      [undefined, 2],
    ]);
    const { head } = model.split(['fc'], []);
    expect(head?.inputs[0]).toEqual({ name: 'image', shape: [undefined, 3, 8, 6] });
    expect(model.rewrite({ layers: [], features: [] }).inputs).toEqual(model.inputs);
  });

  test('leaves the features as they are, and stays with what is made of them', () => {
    const model = shaped('image=?,3,8,6');
    const [width] = findWidths(model.graph).widths;
    expect(width).toMatchObject({ producers: ['k'], consumers: ['fc'], size: 4, reason: undefined });
    expect(model.features!.observe(['y']).inputs).toEqual(model.inputs);
    expect(model.bytesPerWeight).toBe(anySize().bytesPerWeight);
  });

  test('lets neurons leave', async () => {
    const model = shaped('image=?,3,8,6,bias=?,2');
    const { model: narrower } = await compressModel(model, { ratio: 0.5, reduce: 'neurons' });
    expect(narrower.inputs).toEqual(model.inputs);
    expect(narrower.parameters).toBe(2 * 3 + 2 * 2);
  });

  test('says how many multiplications there are', async () => {
    expect(await anySize().multiplyAccumulates?.()).toBeUndefined();
    expect(await shaped('image=1,3,8,6').multiplyAccumulates?.()).toBe(8 * 6 * 3 * 4 + 4 * 2);
  });

  test.each([
    ['image=1,3,8', 'BAD_ARGUMENT', "input 'image' has shape [any, 3, any, any], got [1, 3, 8]"],
    ['image=1,4,8,8', 'BAD_ARGUMENT', 'got [1, 4, 8, 8]'],
    ['picture=1,3,8,8', 'UNKNOWN_NAME', "no input 'picture', expected one of image, bias"],
    ['1,3,8,8', 'BAD_ARGUMENT', 'the model has 2 inputs (image, bias): say which one'],
    ['image=1,3,8,8,image=1,3,8,8', 'BAD_ARGUMENT', "input 'image' is given twice"],
  ])('%s does not fit', (text, code, part) => {
    expect(() => shaped(text)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(part) }),
    );
  });
});

describe('the text of shapes', () => {
  test.each([
    ['1,3,?,320', [{ input: undefined, shape: [1, 3, undefined, 320] }]],
    ['x=4', [{ input: 'x', shape: [4] }]],
    [
      'x=1,3, y=?,2',
      [
        { input: 'x', shape: [1, 3] },
        { input: 'y', shape: [undefined, 2] },
      ],
    ],
    ['a,b=c=1,3', [{ input: 'a,b=c', shape: [1, 3] }]],
  ])('%s', (text, shapes) => {
    expect(parseShapes(text)).toEqual(shapes);
  });

  test.each(['', 'x=', 'x', 'x=0,3', 'x=1,-3', 'x=1.5', 'x=1,', 'x=1e3', '99999999999999999999'])(
    'not %j',
    (text) => {
      expect(() => parseShapes(text)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    },
  );
});
