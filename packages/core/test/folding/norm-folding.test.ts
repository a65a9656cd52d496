/** Every rule of folding, on small graphs written as what stands upstream of a layer, nearest first. */
import { describe, expect, test } from 'vitest';
import { type FeatureGraph, type FoldPlan, type OperationEffect, planFold } from '../../src/index.js';

/** n of the layer below all these graphs. */
const COLUMNS = 8;

type Step = readonly [name: string, effect: OperationEffect, label?: string];

/** The graph `… → steps[1] → steps[0] → layer`: operation i produces tensor `t<i>` from `t<i + 1>`. */
function graphOf(steps: readonly Step[], usedTwice?: string): FeatureGraph {
  return {
    layers: [],
    operations: steps.map(([name, effect, label = name], i) => ({
      ...{ name, label, inputs: [`t${i + 1}`], outputs: [`t${i}`], effect },
      flow: { type: 'other', reason: 'is described by its effect alone' },
    })),
    outputs: usedTwice === undefined ? [] : [usedTwice, usedTwice],
    shape: () => undefined,
  };
}

const fc1: Step = ['fc1', { type: 'fully-connected', layer: 'fc1', outputs: COLUMNS, shared: false }, 'Gemm'];
const conv: Step = ['conv', { type: 'convolution', filters: COLUMNS, foldable: true }, 'Conv'];
const relu: Step = ['relu', { type: 'homogeneous' }, 'Relu'];
const slopes: Step = ['prelu', { type: 'homogeneous-per-feature', features: COLUMNS }, 'PRelu'];
const sigmoid: Step = ['act', { type: 'elementwise' }, 'Sigmoid'];
const drop: Step = ['drop', { type: 'linear' }, 'Dropout'];
const bound: Step = ['max', { type: 'bound', features: COLUMNS }, 'Max'];
const shift: Step = ['add', { type: 'shift', features: COLUMNS }, 'Add'];
const affine: Step = ['norm', { type: 'affine', features: COLUMNS }, 'BatchNormalization'];
const flatten: Step = ['flatten', { type: 'layout', perSample: true }, 'Flatten'];
const reshape: Step = ['reshape', { type: 'layout', perSample: false }, 'Reshape'];
const resize: Step = ['resize', { type: 'layout', perSample: true, size: 4 }, 'Reshape'];
const pool: Step = ['pool', { type: 'pooling', linear: false }, 'MaxPool'];
const mean: Step = ['mean', { type: 'pooling', linear: true }, 'AveragePool'];

/** A plan but for its path, which is everything before the last step. */
type Fold = Omit<FoldPlan, 'path'>;

/** Factors and order into one place. */
function folds(into: string, reason: string, more: Partial<Fold> = {}): Fold {
  return { scaleInto: into, orderInto: into, sumInto: null, targetIsLayer: true, steps: [], reason, ...more };
}

/** The sums as well. */
function sums(into: string, reason: string, more: Partial<Fold> = {}): Fold {
  return folds(into, reason, { sumInto: into, ...more });
}

/** Nothing folds. */
function stays(reason: string): FoldPlan {
  return {
    scaleInto: null,
    orderInto: null,
    sumInto: null,
    targetIsLayer: false,
    path: [],
    steps: [],
    reason,
  };
}

const step = (operation: string, scale: boolean) => ({ operation, scale });

describe('into a fully connected layer', () => {
  test.each<readonly [string, readonly Step[], Fold]>([
    ['at once', [fc1], sums('fc1', 'the sums fold into fc1')],
    [
      'through whatever is linear',
      [flatten, drop, reshape, fc1],
      sums('fc1', 'the sums fold into fc1 through flatten, drop, reshape'),
    ],
    [
      'with a constant added on the way, which is scaled and added up too',
      [drop, shift, fc1],
      sums('fc1', 'the sums fold into fc1 through drop, add', { steps: [step('add', true)] }),
    ],
    [
      'but for the sums, behind a bound for each feature',
      [bound, drop, fc1],
      folds('fc1', 'folds into fc1 through max, drop', { steps: [step('max', true)] }),
    ],
    [
      'but for the sums, behind a factor for each feature',
      [drop, affine, fc1],
      folds(
        'norm',
        'the factors fold into norm, the order into fc1 through drop, norm; ' +
          'the sums stay: BatchNormalization norm multiplies each feature by values of its own',
        { orderInto: 'fc1', steps: [step('norm', true)] },
      ),
    ],
    [
      'but for the sums, through a number of features that is fixed',
      [resize, fc1],
      folds(
        'fc1',
        'folds into fc1 through resize; the sums stay: Reshape resize fixes the number of features',
      ),
    ],
    ['through Relu', [relu, fc1], folds('fc1', 'folds into fc1 through relu')],
    [
      'through whatever keeps the features apart',
      [flatten, relu, reshape, fc1],
      folds('fc1', 'folds into fc1 through flatten, relu, reshape'),
    ],
    [
      'with slopes per feature, which follow the order only',
      [slopes, fc1],
      folds('fc1', 'folds into fc1 through prelu', { steps: [step('prelu', false)] }),
    ],
    [
      'with a constant added on the way, which is scaled too',
      [relu, shift, fc1],
      folds('fc1', 'folds into fc1 through relu, add', { steps: [step('add', true)] }),
    ],
    [
      'the order alone through an activation that is not homogeneous',
      [sigmoid, fc1],
      {
        scaleInto: null,
        orderInto: 'fc1',
        sumInto: null,
        targetIsLayer: true,
        steps: [],
        reason: 'Sigmoid act is not positively homogeneous; the order folds into fc1',
      },
    ],
    [
      'the order alone, and nothing on the way is scaled',
      [shift, sigmoid, affine, slopes, fc1],
      {
        scaleInto: null,
        orderInto: 'fc1',
        sumInto: null,
        targetIsLayer: true,
        steps: [step('add', false), step('norm', false), step('prelu', false)],
        reason: 'Sigmoid act is not positively homogeneous; the order folds into fc1',
      },
    ],
    [
      'the factors into what scales every feature before it',
      [relu, affine, fc1],
      folds('norm', 'the factors fold into norm, the order into fc1 through relu, norm', {
        orderInto: 'fc1',
        steps: [step('norm', true)],
      }),
    ],
    [
      'beyond the place of the factors, nothing is scaled and any activation will do',
      [shift, affine, sigmoid, shift, affine, fc1],
      folds('norm', 'the factors fold into norm, the order into fc1 through add, norm, act, add, norm', {
        orderInto: 'fc1',
        steps: [step('add', true), step('norm', true), step('add', false), step('norm', false)],
      }),
    ],
  ])('%s', (_, steps, expected) => {
    const path = steps.slice(0, -1).map(([name]) => name);
    expect(planFold(graphOf(steps), 't0', COLUMNS)).toEqual({ ...expected, path });
  });
});

describe('into a convolution', () => {
  const intoConv = (reason: string): Fold => folds('conv', reason, { targetIsLayer: false });
  test.each<readonly [string, readonly Step[], Fold]>([
    ['at once', [conv], sums('conv', 'the sums fold into conv', { targetIsLayer: false })],
    [
      'the sums as well through means and flattening',
      [flatten, mean, drop, conv],
      sums('conv', 'the sums fold into conv through flatten, mean, drop', { targetIsLayer: false }),
    ],
    [
      'through global pooling and flattening',
      [flatten, pool, relu, conv],
      intoConv('folds into conv through flatten, pool, relu'),
    ],
  ])('%s', (_, steps, expected) => {
    const path = steps.slice(0, -1).map(([name]) => name);
    expect(planFold(graphOf(steps), 't0', COLUMNS)).toEqual({ ...expected, path });
  });
});

describe('not at all', () => {
  const fullyConnected = (outputs: number, shared: boolean): Step => [
    'fc1',
    { type: 'fully-connected', layer: 'fc1', outputs, shared },
  ];
  test.each<readonly [string, readonly Step[], string]>([
    ['the start of the graph', [], 't0 comes from outside the graph'],
    ['the start of the graph, further up', [relu, flatten], 't2 comes from outside the graph'],
    ['shared weights', [relu, fullyConnected(COLUMNS, true)], 'the weights of fc1 are shared'],
    ['pooled features', [pool, relu, fc1], 'MaxPool pool merges outputs of fc1'],
    [
      'another number of outputs',
      [flatten, fullyConnected(4, false)],
      'the 4 outputs of fc1 are not the 8 columns',
    ],
    [
      'a convolution whose filters feed several columns each',
      [flatten, relu, ['conv', { type: 'convolution', filters: 2, foldable: true }]],
      'after a convolution: each of the 2 filters of conv feeds several of the 8 columns',
    ],
    [
      'grouped filters',
      [['conv', { type: 'convolution', filters: COLUMNS, foldable: false }]],
      'the filters of conv are shared or grouped',
    ],
    [
      'channels that a reshape mixes with samples',
      [reshape, conv],
      'Reshape reshape does not keep the channels of conv apart',
    ],
    [
      'an operation that mixes features',
      [relu, ['softmax', { type: 'other' }, 'Softmax']],
      'Softmax softmax mixes or reorders features',
    ],
    [
      'an operation that says why',
      [['add', { type: 'other', reason: 'adds two computed tensors' }, 'add'], fc1],
      'add adds two computed tensors',
    ],
    [
      'an activation that is not homogeneous, where the order stays too',
      [sigmoid, ['softmax', { type: 'other' }]],
      'Sigmoid act is not positively homogeneous; the order stays a gather: softmax mixes or reorders features',
    ],
    [
      'a constant that would be scaled, when nothing takes the factors',
      [shift],
      't1 comes from outside the graph',
    ],
    ...(['shift', 'bound', 'affine', 'homogeneous-per-feature'] as const).map(
      (type) =>
        [
          `${type} parameters for another number of features`,
          [['p', { type, features: 2 }, 'Op'], fc1],
          'Op p has 2 features, and each feeds several of the 8 columns',
        ] as const,
    ),
  ])('%s', (_, steps, reason) => {
    expect(planFold(graphOf(steps), 't0', COLUMNS)).toEqual(stays(reason));
  });

  test.each([
    ['t0', 't0 has other consumers'],
    ['t1', 't1 has other consumers'],
  ])('another consumer of %s', (tensor, reason) => {
    expect(planFold(graphOf([relu, fc1], tensor), 't0', COLUMNS)).toEqual(stays(reason));
  });

  test('another consumer further up does not matter', () => {
    expect(planFold(graphOf([relu, fc1], 't2'), 't0', COLUMNS).orderInto).toBe('fc1');
  });
});

describe('the factors only', () => {
  test.each<readonly [string, readonly Step[], string | undefined, string]>([
    ['the start of the graph', [relu, affine], undefined, 't2 comes from outside the graph'],
    ['another consumer', [relu, affine, fc1], 't2', 't2 has other consumers'],
  ])('%s', (_, steps, usedTwice, why) => {
    expect(planFold(graphOf(steps, usedTwice), 't0', COLUMNS)).toEqual({
      scaleInto: 'norm',
      orderInto: null,
      sumInto: null,
      targetIsLayer: false,
      path: [],
      steps: [step('norm', true)],
      reason: `the factors fold into norm; the order stays a gather: ${why}`,
    });
  });

  test('steps that only follow the order stay as they are', () => {
    const graph = graphOf([slopes, shift, affine, shift]);
    expect(planFold(graph, 't0', COLUMNS).steps).toEqual([step('add', true), step('norm', true)]);
  });
});
