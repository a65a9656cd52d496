/** Operators that compute every value of their result from the values in the same place. */
import { ELEMENTWISE, HOMOGENEOUS, LINEAR, stops } from '@spherize/core';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import * as arithmetic from '../../tensors/integer-arithmetic.js';
import { operators, standingApart } from './describe.js';
import * as effect from './effect-rules.js';
import * as flow from './flow-rules.js';
import type { FeatureParameters, Operator } from './operator.js';
import { keepsPlace } from './place-rules.js';
import { always, broadcast, castType, quantisedType, same, typeOfInput } from './shape-rules.js';
import * as value from './value-rules.js';

const unary = { inputs: 1, shape: same, place: keepsPlace, flow: flow.elementwise } as const;
const binary = {
  inputs: 2,
  shape: broadcast,
  place: keepsPlace,
  flow: flow.elementwise,
  activation: 'varying',
  takesVectors: true,
} as const;
const boolean = always(DataType.BOOL);
/** Parameters that follow the order alone. */
const ordered: readonly FeatureParameters[] = [{ slot: 'constant', scaling: 'none' }];
const scaled: readonly FeatureParameters[] = [{ slot: 'constant', scaling: 'multiply' }];
const shift = {
  ...binary,
  flow: flow.adds,
  effect: effect.shifts,
  parameters: scaled,
  finite: 'masks',
} as const;
const bound = { ...binary, inputs: 1, effect: effect.bounds, parameters: scaled } as const;
const compared = { ...binary, effect: effect.combines(), parameters: ordered } as const;

export const ELEMENTWISE_OPERATORS: readonly Operator[] = [
  ...operators('Relu LeakyRelu', { ...unary, effect: HOMOGENEOUS }),
  ...operators('Identity', { ...unary, effect: LINEAR, values: value.passes }),
  ...operators('Abs', { ...unary, effect: HOMOGENEOUS, values: value.maps(Math.abs, (size) => size) }),
  ...operators('Neg', { ...unary, effect: LINEAR, values: value.maps((number) => -number) }),
  ...operators(
    'Sigmoid Tanh Gelu@20 Elu Selu Celu@12 Softplus Softsign HardSigmoid HardSwish@14 Swish@24 Mish@18 Erf@9 Sqrt Exp Log ' +
      'Sin Cos Tan Asin Acos Atan Sinh@9 Cosh@9 Asinh@9 Acosh@9 Atanh@9 Floor Ceil Round@11 Sign@9 Reciprocal ' +
      'ThresholdedRelu@10 Shrink@9 BitwiseNot@18',
    { ...unary, effect: ELEMENTWISE },
  ),
  ...operators('Not', {
    ...unary,
    effect: ELEMENTWISE,
    type: boolean,
    values: value.maps((number) => Number(number === 0)),
  }),
  ...operators('IsNaN@9 IsInf@10', { ...unary, effect: ELEMENTWISE, type: boolean }),
  ...operators('Dropout', { ...unary, effect: effect.dropout, flow: flow.steered }),
  ...operators('Clip', { ...unary, effect: effect.clips, takesVectors: true }),
  ...operators('Cast', { ...unary, effect: effect.casts, type: castType, values: value.casts }),
  ...operators('CastLike@15', {
    ...unary,
    inputs: 2,
    effect: effect.casts,
    flow: flow.steered,
    type: typeOfInput(1),
    values: value.casts,
  }),
  ...operators('PRelu', {
    inputs: 2,
    shape: same,
    place: keepsPlace,
    effect: effect.slopes,
    flow: flow.elementwise,
    parameters: [{ slot: 1, scaling: 'none' }],
    takesVectors: true,
    finite: 'weights',
  }),
  ...operators('Add', { ...shift, values: value.combines(arithmetic.add) }),
  ...operators('Sub', { ...shift, values: value.combines(arithmetic.subtract) }),
  ...operators('Mul', {
    ...binary,
    effect: effect.multiplies,
    parameters: scaled,
    finite: 'masks',
    values: value.combines(arithmetic.multiply),
  }),
  ...operators('Div', {
    ...binary,
    effect: effect.divides,
    parameters: [{ slot: 'constant', scaling: 'divide' }],
    finite: 'masks',
    values: value.combines(arithmetic.divide),
  }),
  ...operators('Sum@8 Mean@8', {
    ...binary,
    inputs: 1,
    flow: flow.adds,
    effect: effect.shifts,
    parameters: scaled,
  }),
  ...operators('Max@8', { ...bound, values: value.combines(arithmetic.larger) }),
  ...operators('Min@8', { ...bound, values: value.combines(arithmetic.smaller) }),
  ...operators('Pow', { ...compared, values: value.combines(arithmetic.power) }),
  ...operators('Mod@10', { ...compared, values: value.remains }),
  ...operators('BitShift@11 BitwiseAnd@18 BitwiseOr@18 BitwiseXor@18', compared),
  ...operators('Equal', { ...compared, type: boolean, values: value.combines(arithmetic.equal) }),
  ...operators('Greater', { ...compared, type: boolean, values: value.combines(arithmetic.greater) }),
  ...operators('GreaterOrEqual@12', {
    ...compared,
    type: boolean,
    values: value.combines(arithmetic.greaterOrEqual),
  }),
  ...operators('Less', { ...compared, type: boolean, values: value.combines(arithmetic.less) }),
  ...operators('LessOrEqual@12', {
    ...compared,
    type: boolean,
    values: value.combines(arithmetic.lessOrEqual),
  }),
  ...operators('And', { ...compared, type: boolean, values: value.combines(arithmetic.and) }),
  ...operators('Or', { ...compared, type: boolean, values: value.combines(arithmetic.or) }),
  ...operators('Xor', { ...compared, type: boolean, values: value.combines(arithmetic.xor) }),
  ...operators('Where@9', {
    ...binary,
    inputs: 3,
    effect: effect.chooses,
    type: typeOfInput(1),
    values: value.chooses,
  }),
  ...operators('QuantizeLinear@10', {
    ...unary,
    inputs: 2,
    effect: effect.quantises,
    flow: flow.quantises,
    type: quantisedType,
  }),
  ...operators('DequantizeLinear@10', {
    ...unary,
    inputs: 2,
    effect: effect.quantises,
    flow: flow.quantises,
    type: typeOfInput(1),
    finite: 'weights',
  }),
  ...operators('DynamicQuantizeLinear@11', {
    ...unary,
    flow: undefined,
    type: always(DataType.UINT8),
    effect: stops('chooses one scale from all features'),
  }),
  ...standingApart('Bernoulli@15', 'draws random numbers', { inputs: 1, shape: same }),
];
