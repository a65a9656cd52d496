import { expect, test } from 'vitest';
import { defaultOutput } from '../../src/compression/default-output.js';

test.each([
  ['models/net.onnx', 'models/net.onnx', 'models/net.small.onnx'],
  ['web/model.json', 'web/model.json', 'web/model.small/model.json'],
  ['alexnet-fashion', '/cache/alexnet-fashion-5e4a61e057b2.onnx', 'alexnet-fashion.small.onnx'],
])('%s goes into a file of its own', (source, path, output) => {
  expect(defaultOutput(source, path)).toBe(output);
});
