/** Small models around one fully connected layer, in every form that exporters write. */
import { type DenseMatrix, transpose } from '@spherize/core';
import fc from 'fast-check';
import { type ModelBuilder, randomValues } from './build-model.js';

/** How a fully connected layer is written. */
export interface LayerForm {
  readonly operator: 'gemm' | 'matmul';
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: 'none' | 'vector' | 'row' | 'scalar' | 'one' | 'left' | 'foreign';
  readonly storage: 'initializer' | 'constant' | 'identity' | 'transpose';
}

export const layerForm: fc.Arbitrary<LayerForm> = fc.record({
  operator: fc.constantFrom('gemm', 'matmul'),
  transA: fc.boolean(),
  transB: fc.boolean(),
  alpha: fc.constantFrom(1, 0.5),
  beta: fc.constantFrom(1, 2),
  bias: fc.constantFrom('none', 'vector', 'row', 'scalar', 'one', 'left', 'foreign'),
  storage: fc.constantFrom('initializer', 'constant', 'identity', 'transpose'),
});

export const MIDDLES = [
  'Relu',
  'LeakyRelu',
  'PRelu',
  'PRelu per feature',
  'Sigmoid',
  'Dropout',
  'Identity',
  'BatchNormalization',
  'Add per feature',
  'Sub per feature',
  'Sub from',
  'Mul per feature',
  'Div per feature',
  'Mul scalar',
  'Add scalar',
  'Clip from 0',
  'Clip 0 to 6',
  'Max 0',
  'Reshape 0 n',
  'Reshape -1 n',
  'Reshape 0 -1',
  'Reshape traced',
  'Unsqueeze Squeeze',
  'Unsqueeze Pool',
  'Residual',
  'Softmax',
] as const;
export type Middle = (typeof MIDDLES)[number];
export const middle: fc.Arbitrary<Middle> = fc.constantFrom(...MIDDLES);
export const opset: fc.Arbitrary<number> = fc.constantFrom(7, 9, 11, 13, 18, 21);

/** Adds a layer with weights W, shape `[outputs, inputs]`, and returns its output. */
export function addLayer(b: ModelBuilder, form: LayerForm, x: string, w: DenseMatrix, name: string): string {
  const { operator, transA, transB, alpha, beta, bias, storage } = form;
  const gemm = operator === 'gemm';
  const scaled = { ...w, data: gemm && alpha !== 1 ? w.data.map((value) => value / alpha) : w.data };
  const operand = gemm && transB ? scaled : transpose(scaled);
  const held = storage === 'transpose' ? transpose(operand) : operand;
  const dims = [held.rows, held.cols];
  let weights =
    storage === 'constant'
      ? b.constant(`${name}.weight`, dims, held.data)
      : b.weight(`${name}.weight`, dims, held.data);
  if (storage === 'identity') weights = b.node('Identity', [weights]);
  if (storage === 'transpose') weights = b.node('Transpose', [weights], { perm: [1, 0] });
  const single = bias === 'scalar' || bias === 'one';
  const values = randomValues(single ? 1 : w.rows, w.rows + w.cols);
  const shape = bias === 'row' ? [1, w.rows] : bias === 'scalar' ? [] : [values.length];
  const output = `${name}_out`;
  if (!gemm) {
    if (bias === 'none' || bias === 'foreign') return b.node('MatMul', [x, weights], {}, [output], name);
    const product = b.node('MatMul', [x, weights], {}, [`${name}_product`], name);
    const constant = b.weight(`${name}.bias`, shape, values);
    return b.node('Add', bias === 'left' ? [constant, product] : [product, constant], {}, [output]);
  }
  const inputs = [transA ? b.node('Transpose', [x], { perm: [1, 0] }) : x, weights];
  if (bias === 'foreign') inputs.push(b.node('MatMul', [x, b.weight(`${name}.other`, [w.cols, w.rows])]));
  else if (bias !== 'none') inputs.push(b.weight(`${name}.bias`, shape, values));
  else if (b.opset < 11) inputs.push(b.weight(`${name}.zero`, [1], Float32Array.of(0)));
  const attributes = {
    ...(transA ? { transA: 1 } : {}),
    ...(transB ? { transB: 1 } : {}),
    ...(alpha === 1 ? {} : { alpha: { float: alpha } }),
    ...(beta === 1 ? {} : { beta: { float: beta } }),
  };
  return b.node('Gemm', inputs, attributes, [output], name);
}

/**
 * Adds one operation between two layers.
 *
 * @param features number of features of x
 * @param trailing number of axes behind the feature axis: 0 after a layer, 2 after a convolution
 * @param rank number of axes of x
 */
export function addMiddle(
  b: ModelBuilder,
  kind: Middle,
  x: string,
  features: number,
  trailing: number,
  rank: number,
): string {
  const perFeature = (low: number) =>
    b.weight(
      b.name('parameter'),
      [features, ...Array<number>(trailing).fill(1)],
      randomValues(features, b.nodes.length).map((value) => low + Math.abs(value)),
    );
  const scalar = (value: number) => b.weight(b.name('scalar'), [], Float32Array.of(value));
  const axes = (type: string, input: string, places: number[]) =>
    b.opset < 13 ? b.node(type, [input], { axes: places }) : b.node(type, [input, b.integers(places)]);
  switch (kind) {
    case 'Relu':
    case 'Sigmoid':
    case 'Dropout':
    case 'Identity':
      return b.node(kind, [x]);
    case 'Softmax':
      return b.node(kind, [x], { axis: rank - 1 });
    case 'LeakyRelu':
      return b.node(kind, [x], { alpha: { float: 0.1 } });
    case 'PRelu':
      return b.node(kind, [x, b.weight(b.name('slope'), [1], Float32Array.of(0.25))]);
    case 'PRelu per feature':
      return b.node('PRelu', [x, perFeature(0.1)]);
    case 'BatchNormalization': {
      if (rank !== 2 && trailing === 0) return x;
      const vector = (low: number) =>
        b.weight(
          b.name('bn'),
          [features],
          randomValues(features, b.nodes.length + 3).map((value) => low + Math.abs(value)),
        );
      return b.node(kind, [x, vector(0.5), vector(-0.5), vector(-0.5), vector(0.5)]);
    }
    case 'Add per feature':
      return b.node('Add', [x, perFeature(-0.5)]);
    case 'Sub per feature':
      return b.node('Sub', [x, perFeature(-0.5)]);
    case 'Sub from':
      return b.node('Sub', [perFeature(-0.5), x]);
    case 'Mul per feature':
      return b.node('Mul', [perFeature(0.5), x]);
    case 'Div per feature':
      return b.node('Div', [x, perFeature(0.5)]);
    case 'Mul scalar':
      return b.node('Mul', [x, scalar(-1.5)]);
    case 'Add scalar':
      return b.node('Add', [scalar(0.5), x]);
    case 'Max 0':
      return b.opset < 8 ? x : b.node('Max', [x, scalar(0)]);
    case 'Clip from 0':
    case 'Clip 0 to 6': {
      const bounds = kind === 'Clip from 0' ? [0] : [0, 0.4];
      if (b.opset >= 11) return b.node('Clip', [x, ...bounds.map(scalar)]);
      const [min, max] = bounds;
      return b.node('Clip', [x], {
        min: { float: min! },
        ...(max === undefined ? {} : { max: { float: max } }),
      });
    }
    case 'Reshape 0 n':
      return trailing > 0 || rank > 2 ? x : b.node('Reshape', [x, b.integers([0, features])]);
    case 'Reshape -1 n':
      return trailing > 0 || rank > 2 ? x : b.node('Reshape', [x, b.integers([-1, features])]);
    case 'Reshape 0 -1':
      return trailing > 0 || rank > 2 ? x : b.node('Reshape', [x, b.integers([0, -1])]);
    case 'Reshape traced': {
      if (trailing > 0 || rank > 2 || b.opset < 11) return x;
      const zero = b.integer(0);
      const batch = b.node('Gather', [b.node('Shape', [x]), zero], { axis: 0 });
      const shape = b.node('Concat', [axes('Unsqueeze', batch, [0]), b.integers([-1])], { axis: 0 });
      return b.node('Reshape', [x, shape]);
    }
    case 'Unsqueeze Squeeze':
      return trailing > 0 || rank > 2 ? x : axes('Squeeze', axes('Unsqueeze', x, [2, 3]), [2, 3]);
    case 'Unsqueeze Pool': {
      // Features become positions, which a pool would mix: a width of one keeps the values.
      if (trailing > 0 || rank > 2) return x;
      const pooled = b.node('MaxPool', [axes('Unsqueeze', x, [1])], { kernel_shape: [3], pads: [1, 1] });
      return axes('Squeeze', pooled, [1]);
    }
    case 'Residual':
      return b.node('Add', [x, b.node('Sigmoid', [x])]);
  }
}
