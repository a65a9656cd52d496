/** Changes to the nodes of a GraphModel that a stranger's file might have. */
import { places, put, VALUES } from './tfjs-mutations.mjs';

const OPERATIONS = [
  ...[
    'MatMul',
    '_FusedMatMul',
    'BatchMatMulV2',
    'BiasAdd',
    'AddV2',
    'Mul',
    'Sub',
    'Maximum',
    'Const',
    'Identity',
  ],
  ...[
    'Relu',
    'Relu6',
    'LeakyRelu',
    'Prelu',
    'Elu',
    'Sigmoid',
    'Softmax',
    'Reshape',
    'Squeeze',
    'Transpose',
    'Mean',
  ],
  ...[
    'MaxPool',
    'Conv2D',
    'Placeholder',
    'Merge',
    'Switch',
    'Enter',
    'Exit',
    'NextIteration',
    'While',
    'NoOp',
  ],
  ...['Nothing', '', '__proto__', 'constructor', 'hasOwnProperty'],
];
const NAMES = [
  ...[
    '',
    '__proto__',
    'constructor',
    'a/b',
    '../x',
    'x',
    'x:0',
    '^x',
    'dense_0/kernel',
    'dense_1/bias',
    'scores',
  ],
  ...['\u001b[31m', 'line\nbreak', 'y'.repeat(3000), '\u202egnp.exe'],
];
const nodesOf = ({ json }) => json.modelTopology.node;

/** @type {Readonly<Record<string, (model: any, choices: any) => void>>} */
export const GRAPH_MUTATIONS = {
  'node replaced in part'(model, choices) {
    const [owner, key] = choices.pick(places(nodesOf(model)));
    put(owner, key, choices.pick(VALUES));
  },
  operation(model, choices) {
    choices.pick(nodesOf(model)).op = choices.pick(OPERATIONS);
  },
  'node renamed'(model, choices) {
    const node = choices.pick(nodesOf(model));
    const [from, to] = [node.name, choices.pick(NAMES)];
    node.name = to;
    if (choices.chance(0.3)) return;
    for (const { input } of nodesOf(model)) {
      for (const [slot, name] of input.entries()) if (name === from) input[slot] = to;
    }
    for (const spec of model.json.weightsManifest[0].weights) if (spec.name === from) spec.name = to;
  },
  'node removed or repeated'(model, choices) {
    const nodes = nodesOf(model);
    if (choices.chance(0.5)) nodes.splice(choices.below(nodes.length), 1);
    else nodes.push(structuredClone(choices.pick(nodes)));
  },
  'nodes reordered'(model, choices) {
    const nodes = nodesOf(model);
    nodes.push(...nodes.splice(choices.below(nodes.length), 1));
  },
  rewired(model, choices) {
    const nodes = nodesOf(model);
    const node = choices.pick(nodes.filter(({ input }) => input.length > 0));
    if (!node) return;
    const slot = choices.below(node.input.length);
    const name = choices.pick([
      choices.pick(nodes).name,
      choices.pick(nodes).name,
      'nowhere',
      '',
      'x:1',
      'x:-1',
    ]);
    node.input[slot] = choices.chance(0.1) ? `^${name}` : name;
  },
  'inputs fewer or more'(model, choices) {
    const node = choices.pick(nodesOf(model));
    if (choices.chance(0.5)) node.input.pop();
    else node.input.push(choices.pick(nodesOf(model)).name);
  },
  'second reader'(model, choices) {
    const nodes = nodesOf(model);
    nodes.push({
      name: 'spy',
      op: 'Relu',
      input: [choices.pick(nodes).name],
      attr: { T: { type: 'DT_FLOAT' } },
    });
    if (choices.chance(0.5)) model.json.signature.outputs.spy = { name: 'spy:0', dtype: 'DT_FLOAT' };
  },
  'circle of nodes that hand on'(model, choices) {
    const handsOn = choices.pick(['Identity', 'StopGradient', 'Relu', 'NextIteration', 'Merge']);
    const nodes = nodesOf(model);
    nodes.push({ name: 'first', op: handsOn, input: ['second'], attr: {} });
    nodes.push({ name: 'second', op: choices.pick(['Identity', handsOn]), input: ['first'], attr: {} });
    const reader = choices.pick(nodes.filter(({ input }) => input.length > 1));
    if (reader) reader.input[choices.below(reader.input.length)] = 'second';
  },
  attribute(model, choices) {
    const { attr } = choices.pick(nodesOf(model));
    const key = choices.pick([
      ...Object.keys(attr),
      'transpose_a',
      'transpose_b',
      'fused_ops',
      'data_format',
    ]);
    const numbers = [0, 1, -1, 2, 1e9, Number.MAX_VALUE, null];
    put(
      attr,
      key,
      choices.pick([
        ...[undefined, null, {}, { b: true }, { b: false }, { i: String(choices.pick(numbers)) }],
        ...[{ f: choices.pick(numbers) }, { s: btoa('NCHW') }, { s: '%' }, { list: { s: [btoa('Relu')] } }],
        ...[
          { list: { s: [btoa('BiasAdd'), btoa('Prelu')] } },
          { list: { i: ['1', '2'] } },
          { type: 'DT_INT32' },
        ],
      ]),
    );
  },
  'shape of an input'(model, choices) {
    const [first] = nodesOf(model).filter(({ op }) => op === 'Placeholder');
    const size = choices.pick(['0', '-3', '3', '1099511627776', 'x', null]);
    first.attr.shape = choices.pick([
      { shape: { unknownRank: true } },
      { shape: { dim: [] } },
      { shape: { dim: [{ size: '-1' }, { size }] } },
      { shape: { dim: [{ size }, { size: '4' }] } },
      null,
    ]);
  },
  signature({ json }, choices) {
    const { signature } = json;
    const name = choices.pick(['x', 'x:0', 'nowhere', '', '__proto__', 'dense_0/kernel', 'dense_1/add:1']);
    choices.pick([
      () => delete json.signature,
      () => put(signature.outputs, choices.pick(['y', '__proto__']), { name }),
      () => put(signature.inputs, choices.pick(['z', 'constructor']), { name }),
      () => put(json, 'userDefinedMetadata', { signature }),
      () => put(signature, choices.pick(['inputs', 'outputs']), choices.pick([null, [], {}, 'x'])),
    ])();
  },
  library({ json }, choices) {
    json.modelTopology.library = choices.pick([
      null,
      { function: null },
      { function: [null, {}] },
      { function: [{ signature: { name: 'f' }, nodeDef: [{ name: 'inner', op: 'MatMul' }, null] }] },
    ]);
  },
  'layers model'({ json }) {
    json.format = 'layers-model';
  },
};
