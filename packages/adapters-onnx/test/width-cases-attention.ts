/** Transformers: whole attentions as one operator, groups of heads, a Llama block. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { ModelBuilder } from './build-model.js';
import { type Case, product, twice, twiceAcross } from './width-cases.js';

const MICROSOFT = 'com.microsoft';

/** Two heads of three features for each of queries, keys and values, by onnxruntime's operator. */
function attention(attributes: Parameters<ModelBuilder['node']>[2], first: string): Case {
  return {
    shape: [2, 5, 6],
    build(b) {
      const x = b.input('x', [undefined, 5, 6]);
      const weights = b.weight('qkv.weight', [6, 18], twiceAcross(6, 18, 1));
      const name = b.name('attention');
      const inputs = [x, weights, b.weight('qkv.bias', [18], twice(18, 1, 2))];
      b.node('Attention', inputs, { num_heads: 2, ...attributes }, [name], name, MICROSOFT);
      b.output(product(b, name, 'out', 6, 4, 3), [undefined, 5, 4]);
    },
    widths: [first, 'qkv:2 6 2: qkv > out', 'out: add is an output of the model'],
  };
}

/** Queries, keys and values of three products, `[samples, 5, heads·4]`. */
function separate(b: ModelBuilder, heads: readonly [number, number, number] = [2, 2, 2]): string[] {
  const x = b.input('x', [undefined, 5, 6]);
  return ['q', 'k', 'v'].map((name, i) => product(b, x, name, 6, heads[i]! * 4, 1 + 2 * i));
}

function apart(
  body: (b: ModelBuilder, parts: string[]) => string,
  widths: Case['widths'],
  more: Partial<Case> = {},
): Case {
  return {
    shape: [2, 5, 6],
    build(b) {
      b.output(product(b, body(b, separate(b)), 'out', 8, 4, 7), [undefined, 5, 4]);
    },
    widths: [...widths, 'out: add is an output of the model'],
    ...more,
  };
}

function multiHead(b: ModelBuilder, inputs: readonly string[], attributes = {}): string {
  const name = b.name('attention');
  return b.node('MultiHeadAttention', inputs, { num_heads: 2, ...attributes }, [name], name, MICROSOFT);
}

const SCALE = { scale: { float: 0.4 } };
const divides = (name: string, operator: string): string =>
  `${name}: ${operator} attention divides by the root of their number`;
const BOTH = ['q: Attention attention divides by the root of their number'];

/** Heads on an axis of their own: `[samples, heads, positions, 4]`. */
function split(b: ModelBuilder, tensor: string, heads: number): string {
  return b.node('Transpose', [b.node('Reshape', [tensor, b.integers([0, -1, heads, 4])])], {
    perm: [0, 2, 1, 3],
  });
}

/** The length of an axis, as a list of one number. */
function lengthOf(b: ModelBuilder, tensor: string, axis: number): string {
  const one = b.node('Gather', [b.node('Shape', [tensor]), b.integer(axis)]);
  return b.node('Unsqueeze', [one, b.integers([0])]);
}

/** Every head of keys and values for several of queries, as transformers' `repeat_kv` is exported. */
function repeated(b: ModelBuilder, tensor: string, heads: number, times: number): string {
  const more = b.node('Unsqueeze', [tensor, b.integers([2])]);
  const [samples, positions] = [lengthOf(b, tensor, 0), lengthOf(b, tensor, 2)];
  const list = (...numbers: (number | string)[]) =>
    b.node(
      'Concat',
      numbers.map((number) => (typeof number === 'number' ? b.integers([number]) : number)),
      { axis: 0 },
    );
  const wanted = b.node('Reshape', [list(samples, heads, times, positions, 4), b.integers([-1])]);
  const ones = b.node('ConstantOfShape', [b.node('Shape', [wanted])], { value: { tensor: oneOf(b) } });
  const open = b.node('Equal', [wanted, b.node('Mul', [ones, b.integer(-1)])]);
  const wide = b.node('Expand', [more, b.node('Where', [open, ones, wanted])]);
  return b.node('Reshape', [wide, list(samples, heads * times, positions, 4)]);
}

function oneOf(b: ModelBuilder) {
  b.integers([1]);
  return { ...b.initializers.pop()!, name: '' };
}

/** RMSNorm as exporters take it apart. */
function rootMeanSquare(b: ModelBuilder, x: string, width: number): string {
  const square = b.node('Pow', [x, b.weight(b.name('two'), [], Float32Array.of(2))]);
  const mean = b.node('ReduceMean', [square], { axes: [-1] });
  const root = b.node('Sqrt', [
    b.node('Add', [mean, b.weight(b.name('epsilon'), [], Float32Array.of(1e-5))]),
  ]);
  const inverse = b.node('Div', [b.weight(b.name('one'), [], Float32Array.of(1)), root]);
  return b.node('Mul', [b.node('Mul', [x, inverse]), b.weight(b.name('scale'), [width], twice(width, 1, 3))]);
}

/** `x·cos + [−x₂, x₁]·sin` with angles that are computed of the positions. */
function rotated(b: ModelBuilder, x: string, [cosine, sine]: readonly [string, string]): string {
  const halves = [
    [0, 2],
    [2, 4],
  ].map(([start, end]) => b.node('Slice', [x, b.integers([start!]), b.integers([end!]), b.integers([3])]));
  const turned = b.node('Concat', [b.node('Neg', [halves[1]!]), halves[0]!], { axis: -1 });
  return b.node('Add', [b.node('Mul', [x, cosine]), b.node('Mul', [turned, sine])]);
}

function angles(b: ModelBuilder, x: string): [string, string] {
  const last = b.node('Unsqueeze', [lengthOf(b, x, 1), b.integers([])]);
  const count = b.node('Squeeze', [last, b.integers([0])]);
  const places = b.node('Cast', [b.node('Range', [b.integer(0), count, b.integer(1)])], {
    to: DataType.FLOAT,
  });
  const column = b.node('Unsqueeze', [places, b.integers([1])]);
  const frequencies = b.weight('frequencies', [1, 2], Float32Array.of(1, 0.1));
  const half = b.node('Mul', [column, frequencies]);
  const full = b.node('Concat', [half, half], { axis: -1 });
  return [b.node('Cos', [full]), b.node('Sin', [full])];
}

/** Four heads of queries, two of keys and values, rotary embeddings, SwiGLU. */
function llama(b: ModelBuilder): void {
  const x = b.input('x', [undefined, undefined, 6]);
  const stream = product(b, x, 'embed', 6, 8, 21);
  const normal = rootMeanSquare(b, stream, 8);
  const turn = angles(b, x);
  const q = rotated(b, split(b, product(b, normal, 'q', 8, 16, 1), 4), turn);
  const k = rotated(b, split(b, product(b, normal, 'k', 8, 8, 3), 2), turn);
  const v = split(b, product(b, normal, 'v', 8, 8, 5), 2);
  const scores = b.node('MatMul', [q, b.node('Transpose', [repeated(b, k, 2, 2)], { perm: [0, 1, 3, 2] })]);
  const scaled = b.node('Mul', [scores, b.weight('root', [], Float32Array.of(0.5))]);
  const [rows, columns] = [lengthOf(b, q, 2), lengthOf(b, k, 2)];
  const square = b.node('Expand', [
    b.weight('masked', [1, 1], Float32Array.of(1)),
    b.node('Concat', [rows, columns], { axis: 0 }),
  ]);
  const lower = b.node('Trilu', [square], { upper: 0 });
  const seen = b.node('Greater', [lower, b.weight('zero', [], Float32Array.of(0))]);
  const masked = b.node('Where', [seen, scaled, b.weight('low', [], Float32Array.of(-1e4))]);
  const mixed = b.node('MatMul', [b.node('Softmax', [masked], { axis: -1 }), repeated(b, v, 2, 2)]);
  const merged = b.node('Reshape', [
    b.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
    b.node('Concat', [lengthOf(b, x, 0), lengthOf(b, x, 1), b.integers([16])], { axis: 0 }),
  ]);
  const middle = b.node('Add', [stream, product(b, merged, 'o', 16, 8, 7)]);
  const again = rootMeanSquare(b, middle, 8);
  const gate = product(b, again, 'gate', 8, 12, 9);
  const silu = b.node('Mul', [gate, b.node('Sigmoid', [gate])]);
  const down = product(b, b.node('Mul', [silu, product(b, again, 'up', 8, 12, 11)]), 'down', 12, 8, 13);
  b.output(product(b, b.node('Add', [middle, down]), 'head', 8, 4, 15), [undefined, undefined, 4]);
}

export const ATTENTION_CASES: Readonly<Record<string, Case>> = {
  "onnxruntime's attention": attention({}, 'qkv:1: Attention attention divides by the root of their number'),
  "onnxruntime's attention with a scale": attention(SCALE, 'qkv:1 6 2: qkv > '),
  "onnxruntime's attention of separate products": apart(multiHead, [
    divides('q', 'MultiHeadAttention'),
    divides('k', 'MultiHeadAttention'),
    'v 8 2: v > out',
  ]),
  'the same with a bias for all and a scale': apart(
    (b, parts) => multiHead(b, [...parts, b.weight('bias', [24], twice(24, 1, 9))], SCALE),
    ['q 8 2: q,k > ', 'v 8 2: v > out'],
  ),
  "ONNX's attention": apart(
    (b, parts) => b.node('Attention', parts, { q_num_heads: 2, kv_num_heads: 2 }, ['attention']),
    [...BOTH, 'k: Attention attention divides by the root of their number', 'v 8 2: v > out'],
    { opset: 23 },
  ),
  "ONNX's attention with groups of heads": {
    shape: [2, 5, 6],
    opset: 23,
    build(b) {
      const parts = separate(b, [4, 2, 2]);
      const mixed = b.node('Attention', parts, { q_num_heads: 4, kv_num_heads: 2, ...SCALE }, ['attention']);
      b.output(product(b, mixed, 'out', 16, 4, 7), [undefined, 5, 4]);
    },
    widths: ['q 8 2: q,k > ', 'v 8 2: v > out', 'out: add is an output of the model'],
    distinct: true,
  },
  "ONNX's attention with heads on an axis": apart(
    (b, parts) => {
      const mixed = b.node(
        'Attention',
        parts.map((part) => split(b, part, 2)),
        SCALE,
        ['attention'],
      );
      const merged = b.node('Transpose', [mixed], { perm: [0, 2, 1, 3] });
      return b.node('Reshape', [merged, b.integers([0, -1, 8])]);
    },
    ['q 8 2: q,k > ', 'v 8 2: v > out'],
    { opset: 23 },
  ),
  'heads whose shape all of them share': apart(
    (b, parts) => {
      const shape = b.node(
        'Concat',
        [lengthOf(b, 'x', 0), lengthOf(b, 'x', 1), b.integers([2]), b.integers([4])],
        { axis: 0 },
      );
      const [q, k, v] = parts.map((part) =>
        b.node('Transpose', [b.node('Reshape', [part, shape])], { perm: [0, 2, 1, 3] }),
      ) as [string, string, string];
      const scores = b.node('MatMul', [q, b.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
      const mixed = b.node('MatMul', [b.node('Softmax', [scores], { axis: -1 }), v]);
      return b.node('Reshape', [
        b.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
        b.integers([0, -1, 8]),
      ]);
    },
    ['q 8 2: q,k > ', 'v 8 2: v > out'],
  ),
  'attention and products written as Einsum': {
    shape: [2, 5, 6],
    build(b) {
      const x = b.input('x', [undefined, 5, 6]);
      const einsum = (equation: string, ...inputs: string[]) =>
        b.node('Einsum', inputs, { equation: { text: equation } });
      const heads = ['q', 'k', 'v'].map((name, i) => {
        const weights = b.weight(`${name}.weight`, [6, 8], twiceAcross(6, 8, 1 + 2 * i));
        return b.node('Reshape', [einsum('btc, cd -> btd', x, weights), b.integers([0, -1, 2, 4])]);
      }) as [string, string, string];
      const scores = b.node('Softmax', [einsum('bqhd,bkhd->bhqk', heads[0], heads[1])], { axis: -1 });
      const mixed = einsum('bhqk,bkhd->bqhd', scores, heads[2]);
      const merged = b.node('Reshape', [mixed, b.integers([0, -1, 8])]);
      const out = b.weight('out.weight', [4, 8], twice(4, 8, 7));
      b.output(einsum('btc,dc->btd', merged, out), [undefined, 5, 4]);
    },
    widths: ['q 8 2: q,k > ', 'v 8 2: v > out', 'out: einsum is an output of the model'],
  },
  'heads of one product, picked by their number': {
    shape: [2, 5, 6],
    build(b) {
      const x = b.input('x', [undefined, 5, 6]);
      const all = b.node('Reshape', [product(b, x, 'qkv', 6, 24, 1), b.integers([0, -1, 3, 2, 4])]);
      const apart = b.node('Transpose', [all], { perm: [2, 0, 3, 1, 4] });
      const [q, k, v] = [0, 1, -1].map((i) => b.node('Gather', [apart, b.integer(i)], { axis: 0 }));
      const turned = b.node('Transpose', [k!], { perm: [0, 1, 3, 2] });
      const scores = b.node('Softmax', [b.node('MatMul', [q!, turned])], { axis: -1 });
      const mixed = b.node('Transpose', [b.node('MatMul', [scores, v!])], { perm: [0, 2, 1, 3] });
      const merged = b.node('Reshape', [mixed, b.integers([0, -1, 8])]);
      b.output(product(b, merged, 'out', 8, 4, 7), [undefined, 5, 4]);
    },
    widths: ['qkv 16 4: qkv > out', 'out: add is an output of the model'],
  },
  'a Llama block': {
    shape: [2, 5, 6],
    opset: 14,
    build: llama,
    widths: [
      'embed: ReduceMean reducemean reduces their axis',
      'q: Mul mul combines them with values that no layer makes',
      'v 8 2: v > o',
      'gate 12 1: gate,up > down',
      'head: add is an output of the model',
    ],
  },
};
