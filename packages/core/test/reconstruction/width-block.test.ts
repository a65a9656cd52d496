import { expect, test } from 'vitest';
import type { FeatureFlow, FeatureGraph, FeatureLayer, FlowOperation } from '../../src/index.js';
import { widthBlock } from '../../src/reconstruction/width-block.js';
import { findWidths } from '../../src/widths/find-widths.js';

const ELEMENTWISE: FeatureFlow = { type: 'elementwise', constants: [] };

/** Operations by what they read and make; layers of 4 features read and make the last axis. */
function graphOf(
  operations: readonly [inputs: string[], output: string, flow: FeatureFlow | 'layer', partOf?: string][],
  changes: Readonly<Record<string, Partial<FeatureLayer>>> = {},
): FeatureGraph {
  const layers: FeatureLayer[] = [];
  const listed = operations.map(([inputs, output, flow, partOf]): FlowOperation => {
    const name = `to ${output}`;
    const own = { name, label: 'Op', inputs, outputs: [output], ...(partOf && { partOf }) };
    if (flow !== 'layer') return { ...own, flow };
    const size = { outputs: 4, inputs: 4, span: 1, groups: 1 };
    layers.push({ name, kind: 'product', ...size, bias: true, shared: false, ...changes[name] });
    return { ...own, flow: { type: 'layer', layer: name, reads: -1, makes: -1 } };
  });
  return { layers, operations: listed, outputs: ['out'], shape: () => [undefined, 4] };
}

function blockOf(graph: FeatureGraph, producer = 'to a'): string[][] | undefined {
  const width = findWidths(graph).widths.find(({ producers }) => producers.includes(producer))!;
  const block = widthBlock(graph, width);
  const { makers = [], depthwise = [], readers = [] } = block ?? {};
  const named = [makers, depthwise, readers].map((layers) => layers.map(({ layer }) => layer.name));
  return block && named.filter((names) => names.length > 0);
}

test('layers with values of single values between them', () => {
  const graph = graphOf([
    [['x'], 'a', 'layer'],
    [['a'], 'b', ELEMENTWISE],
    [['b', 'a'], 'c', ELEMENTWISE],
    [['c'], 'out', 'layer'],
  ]);
  expect(blockOf(graph)).toEqual([['to a'], ['to out']]);
});

test('two layers whose values are multiplied, and two that read the product', () => {
  const graph = graphOf([
    [['x'], 'a', 'layer'],
    [['x'], 'gate', 'layer'],
    [['a', 'gate'], 'h', ELEMENTWISE],
    [['h'], 'p', 'layer'],
    [['h'], 'q', 'layer'],
    [['p', 'q'], 'out', ELEMENTWISE],
  ]);
  expect(blockOf(graph)).toEqual([
    ['to a', 'to gate'],
    ['to p', 'to q'],
  ]);
});

test('what a layer makes within an operation, where the format goes on from there', () => {
  const graph = graphOf([
    [['x'], 'a', 'layer', 'fused'],
    [['a'], 'b', ELEMENTWISE],
    [['b'], 'out', 'layer'],
  ]);
  const [width] = findWidths(graph).widths.filter(({ producers }) => producers.includes('to a'));
  expect(widthBlock(graph, width!)).toBeUndefined();
  expect(widthBlock(graph, width!, (tensor) => tensor === 'a')?.readers).toHaveLength(1);
});

const FILTERS: FeatureFlow = { type: 'depthwise', layer: 'to c', axis: -1, multiplier: 1 };
const filters: FeatureLayer = {
  name: 'to c',
  kind: 'convolution',
  outputs: 4,
  inputs: 4,
  span: 1,
  groups: 4,
  bias: true,
  shared: false,
};

test('a depthwise convolution between operations on single values', () => {
  const graph = graphOf([
    [['x'], 'a', 'layer'],
    [['a'], 'b', ELEMENTWISE],
    [['b'], 'c', FILTERS],
    [['c'], 'd', ELEMENTWISE],
    [['d'], 'out', 'layer'],
  ]);
  const own = { ...graph, layers: [...graph.layers, filters] };
  expect(blockOf(own)).toEqual([['to a'], ['to c'], ['to out']]);
});

test('none where something goes past the depthwise convolution', () => {
  const graph = graphOf([
    [['x'], 'a', 'layer'],
    [['a'], 'b', ELEMENTWISE],
    [['b'], 'c', FILTERS],
    [['b', 'c'], 'd', ELEMENTWISE],
    [['d'], 'out', 'layer'],
  ]);
  expect(blockOf({ ...graph, layers: [...graph.layers, filters] })).toBeUndefined();
});

test.each<[string, FeatureGraph]>([
  [
    'positions are mixed',
    graphOf([
      [['x'], 'a', 'layer'],
      [['a'], 'b', { type: 'mixing', axes: [-2], dropped: false, reason: 'pools' }],
      [['b'], 'out', 'layer'],
    ]),
  ],
  [
    'something else comes in',
    graphOf([
      [['x'], 'other', ELEMENTWISE],
      [['x'], 'a', 'layer'],
      [['a', 'other'], 'b', ELEMENTWISE],
      [['b'], 'out', 'layer'],
    ]),
  ],
  [
    'a layer adds to what it reads',
    graphOf([
      [['x'], 'a', 'layer'],
      [['a'], 'b', 'layer'],
      [['a', 'b'], 'c', { ...ELEMENTWISE, adds: true }],
      [['c'], 'out', 'layer'],
    ]),
  ],
  [
    'what a layer makes lies within an operation',
    graphOf([
      [['x'], 'a', 'layer', 'fused'],
      [['a'], 'b', ELEMENTWISE],
      [['b'], 'out', 'layer'],
    ]),
  ],
  [
    'a layer has groups',
    graphOf(
      [
        [['x'], 'a', 'layer'],
        [['a'], 'b', ELEMENTWISE],
        [['b'], 'out', 'layer'],
      ],
      { 'to out': { groups: 2 } },
    ),
  ],
  [
    'filters cannot be laid out',
    graphOf(
      [
        [['x'], 'a', 'layer'],
        [['a'], 'b', ELEMENTWISE],
        [['b'], 'out', 'layer'],
      ],
      { 'to a': { kind: 'convolution', span: 9 } },
    ),
  ],
])('none where %s', (_, graph) => {
  expect(blockOf(graph)).toBeUndefined();
});
