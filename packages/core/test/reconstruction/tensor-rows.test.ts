import { expect, test } from 'vitest';
import type { FilterWindow } from '../../src/format/filter-window.js';
import { denseMatrix } from '../../src/matrix/dense-matrix.js';
import {
  addReadRows,
  allRows,
  readPlaces,
  readRows,
  rowsOfSamples,
  tensorOfRows,
} from '../../src/reconstruction/tensor-rows.js';
import { randomMatrix, randomValues } from '../naive.js';

const window: FilterWindow = {
  kernel: [3, 2],
  strides: [2, 1],
  dilations: [1, 2],
  pads: [
    [1, 1],
    [0, 1],
  ],
  channels: 'first',
};

test.each([
  ['channels behind the samples', [3, 4, 5, 2], -3],
  ['channels last', [3, 5, 2, 4], -1],
  ['features in the middle', [3, 5, 4, 2], -2],
])('%s: rows of a tensor and back', (_, shape, axis) => {
  const tensor = { shape, data: randomValues(120, 1) };
  const rows = allRows(tensor, axis);
  expect([rows.rows, rows.cols]).toEqual([30, 4]);
  expect(tensorOfRows(rows, shape, axis)).toEqual(tensor);
  const [first, third] = [rowsOfSamples(tensor, axis, [0]), rowsOfSamples(tensor, axis, [2])];
  expect([...first.data]).toEqual([...rows.data.subarray(0, 40)]);
  expect([...third.data]).toEqual([...rows.data.subarray(80)]);
});

test('what a filter reads: as many places as it has, zeros beside the image, and ones for the bias', () => {
  const image = { shape: [1, 1, 3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const read = readRows(allRows(image, -3), readPlaces(image.shape, -3, window));
  // Rows 2y − 1 … 2y + 1 and columns 0 and 2: the second one lies beside the image.
  expect([read.rows, read.cols]).toEqual([2, 7]);
  expect([...read.data]).toEqual([0, 0, 1, 0, 3, 0, 1, 3, 0, 5, 0, 0, 0, 1]);
});

test('room that was used is overwritten, zeros as well', () => {
  const places = readPlaces([2, 3, 4, 3], -3, window);
  const rows = allRows({ shape: [2, 3, 4, 3], data: randomValues(72, 2) }, -3);
  const read = readRows(rows, places);
  const room = new Float32Array(read.data.length).fill(7);
  expect(readRows(rows, places, room)).toEqual(read);
  expect(readRows(rows, places, room).data).toBe(room);
});

test.each([
  ['a convolution', window],
  ['a product', undefined],
])('%s: what comes back is the transpose of what is read', (_, own) => {
  const shape = [2, 3, 4, 3];
  const places = readPlaces(shape, -3, own);
  const rows = allRows({ shape, data: randomValues(72, 3) }, -3);
  const read = readRows(rows, places);
  const given = randomMatrix(read.rows, read.cols - 1, 4);
  const back = denseMatrix(rows.rows, rows.cols);
  addReadRows(given, places, back);
  let forth = 0;
  for (let row = 0; row < read.rows; row++)
    for (let c = 0; c < given.cols; c++)
      forth += read.data[row * read.cols + c]! * given.data[row * given.cols + c]!;
  const again = rows.data.reduce((sum, value, i) => sum + value * back.data[i]!, 0);
  expect(again).toBeCloseTo(forth, 4);
});
