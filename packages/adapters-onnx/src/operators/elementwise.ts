/** Operators that compute every value of their result from the values in the same place. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { operators, standingApart } from './describe.js';
import * as effect from './effect-rules.js';
import type { FeatureParameters, Operator } from './operator.js';
import { keepsPlace } from './place-rules.js';
import { always, broadcast, castType, quantisedType, same, typeOfInput } from './shape-rules.js';

const unary = { inputs: 1, shape: same, place: keepsPlace } as const;
const binary = {
  inputs: 2,
  shape: broadcast,
  place: keepsPlace,
  activation: 'varying',
  takesVectors: true,
} as const;
const boolean = always(DataType.BOOL);
/** Parameters that follow the order alone. */
const ordered: readonly FeatureParameters[] = [{ slot: 'constant', scaling: 'none' }];
const scaled: readonly FeatureParameters[] = [{ slot: 'constant', scaling: 'multiply' }];

export const ELEMENTWISE: readonly Operator[] = [
  ...operators('Relu LeakyRelu Identity Abs Neg', { ...unary, effect: effect.homogeneous }),
  ...operators(
    'Sigmoid Tanh Gelu@20 Elu Selu Celu@12 Softplus Softsign HardSigmoid HardSwish@14 Swish@24 Mish@18 Erf@9 Sqrt Exp Log ' +
      'Sin Cos Tan Asin Acos Atan Sinh@9 Cosh@9 Asinh@9 Acosh@9 Atanh@9 Floor Ceil Round@11 Sign@9 Reciprocal ' +
      'ThresholdedRelu@10 Shrink@9 BitwiseNot@18',
    { ...unary, effect: effect.elementwise },
  ),
  ...operators('Not IsNaN@9 IsInf@10', { ...unary, effect: effect.elementwise, type: boolean }),
  ...operators('Dropout', { ...unary, effect: effect.dropout }),
  ...operators('Clip', { ...unary, effect: effect.clips, takesVectors: true }),
  ...operators('Cast', { ...unary, effect: effect.casts, type: castType }),
  ...operators('CastLike@15', { ...unary, inputs: 2, effect: effect.casts, type: typeOfInput(1) }),
  ...operators('PRelu', {
    inputs: 2,
    shape: same,
    place: keepsPlace,
    effect: effect.slopes,
    parameters: [{ slot: 1, scaling: 'none' }],
    takesVectors: true,
    finite: 'weights',
  }),
  ...operators('Add Sub', { ...binary, effect: effect.shifts, parameters: scaled, finite: 'masks' }),
  ...operators('Mul', { ...binary, effect: effect.multiplies, parameters: scaled, finite: 'masks' }),
  ...operators('Div', {
    ...binary,
    effect: effect.divides,
    parameters: [{ slot: 'constant', scaling: 'divide' }],
    finite: 'masks',
  }),
  ...operators('Sum@8 Mean@8', { ...binary, inputs: 1, effect: effect.shifts, parameters: scaled }),
  ...operators('Max@8 Min@8', { ...binary, inputs: 1, effect: effect.bounds, parameters: scaled }),
  ...operators('Pow Mod@10 BitShift@11 BitwiseAnd@18 BitwiseOr@18 BitwiseXor@18', {
    ...binary,
    effect: effect.combines(),
    parameters: ordered,
  }),
  ...operators('Equal Greater GreaterOrEqual@12 Less LessOrEqual@12 And Or Xor', {
    ...binary,
    effect: effect.combines(),
    parameters: ordered,
    type: boolean,
  }),
  ...operators('Where@9', { ...binary, inputs: 3, effect: effect.chooses, type: typeOfInput(1) }),
  ...operators('QuantizeLinear@10', { ...unary, inputs: 2, effect: effect.quantises, type: quantisedType }),
  ...operators('DequantizeLinear@10', {
    ...unary,
    inputs: 2,
    effect: effect.quantises,
    type: typeOfInput(1),
    finite: 'weights',
  }),
  ...operators('DynamicQuantizeLinear@11', {
    ...unary,
    type: always(DataType.UINT8),
    effect: effect.stops('chooses one scale from all features'),
  }),
  ...standingApart('Bernoulli@15', 'draws random numbers', { inputs: 1, shape: same }),
];
