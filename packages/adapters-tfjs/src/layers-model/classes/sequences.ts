/** Recurrent classes, and those that hold layers of their own. */
import { classes, standingApart } from './describe.js';
import * as effect from './effect-rules.js';
import type { LayerClass } from './layer-class.js';
import { perStep } from './product-rules.js';
import * as shape from './shape-rules.js';

const recurrent = {
  shape: shape.recurrent,
  effect: effect.stops('mixes features from step to step'),
  products: 'uncounted',
  weights: 'recurrent',
  mask: 'reads',
} as const;
const holding = { effect: effect.stops('holds layers of its own'), products: 'uncounted' } as const;

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
