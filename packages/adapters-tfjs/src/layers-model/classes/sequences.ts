/** Recurrent classes, and those that hold layers of their own. */
import { stops } from '@spherize/core';
import { classes, standingApart } from './describe.js';
import * as flow from './flow-rules.js';
import type { LayerClass } from './layer-class.js';
import { perStep } from './product-rules.js';
import * as shape from './shape-rules.js';

const STEPS = 'mixes features from step to step';
const HOLDS = 'holds layers of its own';

const recurrent = {
  shape: shape.recurrent,
  effect: stops(STEPS),
  flow: flow.other(STEPS),
  products: 'uncounted',
  weights: 'recurrent',
  mask: 'reads',
} as const;
const holding = { effect: stops(HOLDS), flow: flow.other(HOLDS), products: 'uncounted' } as const;

export const SEQUENCES: readonly LayerClass[] = [
  ...classes('SimpleRNN GRU LSTM', { ...recurrent, products: perStep }),
  ...classes('RNN', recurrent),
  ...classes('ConvLSTM2D', { ...recurrent, shape: shape.recurrentImages }),
  ...standingApart(
    'SimpleRNNCell GRUCell LSTMCell StackedRNNCells ConvLSTM2DCell',
    'stands in recurrent layers alone',
    { products: 'uncounted', weights: 'recurrent' },
  ),
  ...classes('TimeDistributed', { ...holding, shape: shape.stepwise, holds: 'layer', mask: 'reads' }),
  ...classes('Bidirectional', { ...holding, shape: shape.bothWays, holds: 'layer', mask: 'reads' }),
  ...classes('Model Functional Sequential', { ...holding, holds: 'model', mask: 'reads' }),
];
