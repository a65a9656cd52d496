/** Models that hold weights which are no layers to compress, one for each reason. */
import { create } from '@bufbuild/protobuf';
import {
  TensorProto_DataType as DataType,
  FunctionProtoSchema,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  TensorProtoSchema,
} from 'onnx-buf';
import { floatTensor, int64Tensor } from '../../src/proto/tensor-values.js';
import { ModelBuilder } from '../build-model.js';

const { BOOL, FLOAT, INT8, INT32, STRING, UINT8 } = DataType;
const MICROSOFT = 'com.microsoft';

/** A builder with an input of each type that the operators below read. */
export function started(opset?: number): ModelBuilder {
  const b = new ModelBuilder(opset);
  b.input('x', [undefined, 4]);
  b.input('image', [undefined, 4, 8, 8]);
  b.input('ids', [undefined], DataType.INT64);
  b.input('condition', [], BOOL);
  return b.output('x');
}

/** Kinds that may stand in one model, and how many values they have. */
export const UNOFFERED: Readonly<
  Record<string, readonly [add: (b: ModelBuilder, w: string) => void, parameters: number]>
> = {
  'a 3×3 convolution': [
    (b, w) => b.node('Conv', ['image', b.weight(`${w}.weight`, [6, 4, 3, 3]), b.weight(`${w}.bias`, [6])]),
    216,
  ],
  'a convolution with a bias that is computed': [
    (b, w) => {
      const bias = b.node('ReduceMean', ['image'], { axes: [0, 2, 3], keepdims: 0 });
      return b.node('Conv', ['image', b.weight(`${w}.weight`, [4, 4, 3, 3]), bias]);
    },
    144,
  ],
  'a convolution of one channel': [
    (b, w) =>
      b.node('Conv', [b.input(`${w}.grey`, [undefined, 1, 8, 8]), b.weight(`${w}.weight`, [4, 1, 3, 3])]),
    36,
  ],
  'two convolutions with the same filters': [
    (b, w) => {
      const filters = b.weight(`${w}.weight`, [4, 4, 3, 3]);
      return b.node('Conv', [b.node('Conv', ['image', filters]), filters]);
    },
    144,
  ],
  'a depthwise convolution': [
    (b, w) => b.node('Conv', ['image', b.weight(`${w}.weight`, [4, 1, 3, 3])], { group: 4 }),
    36,
  ],
  'a grouped convolution': [
    (b, w) => b.node('Conv', ['image', b.weight(`${w}.weight`, [4, 2, 1, 1])], { group: 2 }),
    8,
  ],
  'a transposed convolution': [
    (b, w) => b.node('ConvTranspose', ['image', b.weight(`${w}.weight`, [4, 2, 2, 2])]),
    32,
  ],
  'an embedding': [(b, w) => b.node('Gather', [b.weight(`${w}.weight`, [10, 4]), 'ids']), 40],
  'a recurrent layer': [
    (b, w) => b.node('LSTM', ['x', b.weight(`${w}.weight`, [1, 12, 4]), b.weight(`${w}.r`, [1, 12, 3])]),
    84,
  ],
  Einsum: [(b, w) => b.node('Einsum', ['x', b.weight(`${w}.weight`, [4, 3])]), 12],
  Attention: [
    (b, w) => b.node('Attention', ['x', b.weight(`${w}.weight`, [4, 12])], {}, [`${w}_y`], w, MICROSOFT),
    48,
  ],
  MatMulNBits: [
    (b, w) => {
      const packed = {
        ...floatTensor(`${w}.weight`, [3, 1, 8], FLOAT, new Float32Array(24)),
        dataType: UINT8,
      };
      b.initializers.push({ ...packed, rawData: new Uint8Array(24) });
      const inputs = ['x', `${w}.weight`, b.weight(`${w}.scales`, [3, 1])];
      b.node('MatMulNBits', inputs, { K: 4, N: 3, bits: 4, block_size: 16 }, [`${w}_y`], w, MICROSOFT);
    },
    12,
  ],
  'a branch': [
    (b, w) => {
      const body = new ModelBuilder();
      body.node('MatMul', ['x', body.weight(`${w}.weight`, [4, 2])], {}, ['out']);
      const branch = { graph: body.output('out').graph() };
      const empty = new ModelBuilder();
      empty.node('Identity', ['x'], {}, ['out']);
      const other = { graph: empty.output('out').graph() };
      b.node('If', ['condition'], { then_branch: branch, else_branch: other }, [`${w}_y`], `${w}_if`);
    },
    8,
  ],
  'weights from outside in a branch': [
    (b, w) => {
      b.weight(`${w}.weight`, [4, 5]);
      const body = new ModelBuilder();
      body.node('MatMul', ['x', `${w}.weight`], {}, ['out']);
      const branch = { graph: body.output('out').graph() };
      const empty = new ModelBuilder();
      empty.node('Identity', ['x'], {}, ['out']);
      const other = { graph: empty.output('out').graph() };
      b.node('If', ['condition'], { then_branch: branch, else_branch: other }, [`${w}_y`], `${w}_if`);
    },
    20,
  ],
  'computed weights': [
    (b, w) => {
      const half = b.node('Mul', [b.weight(`${w}.weight`, [2, 4]), b.weight(`${w}.half`, [])]);
      b.node('MatMul', ['x', b.node('Transpose', [half])], {}, [`${w}_y`], w);
    },
    8,
  ],
  'a table that is added': [(b, w) => b.node('Add', ['x', b.weight(`${w}.weight`, [3, 4])]), 12],
  'weights that nothing reads': [(b, w) => b.weight(`${w}.weight`, [3, 4]), 12],
};

/** A 4 × 2 matrix of zeros. */
function zeros(b: ModelBuilder, name: string, dataType: number, bytes: number): string {
  const rawData = new Uint8Array(8 * bytes);
  b.initializers.push(create(TensorProtoSchema, { name, dataType, dims: [4n, 2n], rawData }));
  return name;
}
const multiplied = (b: ModelBuilder, w: string, x = 'x') => b.node('MatMul', [x, w], {}, ['y'], 'part');
const dequantised = (b: ModelBuilder, q: string) =>
  b.node('DequantizeLinear', [q, b.weight('scale', [], Float32Array.of(0.1))]);

/** The others: products that do not fit, and what stands outside of the graph. */
export const UNFIT: Readonly<
  Record<string, { readonly opset?: number; readonly add: (b: ModelBuilder) => void }>
> = {
  'dequantised weights': { add: (b) => multiplied(b, dequantised(b, zeros(b, 'q', INT8, 1))) },
  'weights dequantised from text': {
    add: (b) => {
      b.initializers.push(create(TensorProtoSchema, { name: 'q', dataType: STRING, dims: [4n, 2n] }));
      multiplied(b, dequantised(b, 'q'));
    },
  },
  'weights computed from constants': {
    add: (b) => multiplied(b, b.node('Mul', [b.weight('w', [4, 2]), b.weight('s', [])])),
  },
  'weights that an input gives': { add: (b) => multiplied(b, b.input('w', [4, 2])) },
  'a left operand by an input of unknown rank': {
    add: (b) => {
      b.node('UnknownOp', ['x'], {}, ['unknown'], 'unknown', 'own');
      b.node('MatMul', [b.weight('part.weight', [2, 4]), 'unknown'], {}, ['y']);
    },
  },
  'whole numbers': { add: (b) => multiplied(b, zeros(b, 'part.weight', INT32, 4)) },
  'a batch of matrices': { add: (b) => multiplied(b, b.weight('part.weight', [1, 4, 2])) },
  'an empty matrix': { add: (b) => multiplied(b, b.weight('part.weight', [4, 0])) },
  'an old operator set': { opset: 6, add: (b) => multiplied(b, b.weight('part.weight', [4, 2])) },
  'an input of unknown rank in an old operator set': {
    opset: 10,
    add: (b) => {
      b.node('UnknownOp', ['x'], {}, ['unknown'], 'unknown', 'own');
      multiplied(b, b.weight('part.weight', [4, 2]), 'unknown');
    },
  },
  'sparse weights': {
    add: (b) => {
      const values = floatTensor('part.weight', [2], FLOAT, Float32Array.of(1, 2));
      const sparse = { values, indices: int64Tensor('', [0, 5]), dims: [4n, 2n] };
      b.sparse.push(create(SparseTensorProtoSchema, sparse));
      multiplied(b, 'part.weight');
    },
  },
  'quantised filters': {
    add: (b) => {
      b.whole('part.weight', [6, 4, 3, 3], UINT8, 3);
      const pixels = b.node('Cast', ['image'], { to: UINT8 });
      b.node('ConvInteger', [pixels, 'part.weight'], {}, ['y']);
    },
  },
  'an argument of a function': {
    add: (b) => {
      addFunction(b, ['x', 'w'], [{ opType: 'MatMul', input: ['x', 'w'], output: ['y'] }]);
      b.node('Block', ['x', b.weight('part.weight', [4, 4])], {}, ['y'], 'call', 'own');
    },
  },
  'weights inside a function': {
    add: (b) => {
      const inner = new ModelBuilder();
      const w = inner.constant('part.weight', [4, 4], new Float32Array(16).fill(1));
      inner.node('MatMul', ['x', w], {}, ['y']);
      addFunction(b, ['x'], inner.nodes);
      b.node('Block', ['x'], {}, ['y'], 'call', 'own');
    },
  },
};

/** The function `Block` of the domain `own`. */
function addFunction(
  b: ModelBuilder,
  input: string[],
  node: Parameters<typeof create<typeof NodeProtoSchema>>[1][],
): void {
  const own = { name: 'Block', domain: 'own', input, output: ['y'] };
  const nodes = node.map((each) => create(NodeProtoSchema, each));
  b.functions.push(create(FunctionProtoSchema, { ...own, node: nodes }));
}
