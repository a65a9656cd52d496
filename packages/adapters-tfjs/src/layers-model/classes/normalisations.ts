/** Classes that divide features by what others of them, or other places of theirs, add up to. */
import { classes } from './describe.js';
import * as effect from './effect-rules.js';
import * as flow from './flow-rules.js';
import type { FeatureParameter, LayerClass } from './layer-class.js';
import { keepsPlace } from './place-rules.js';
import { same } from './shape-rules.js';

const vector = (weight: string, scaling: FeatureParameter['scaling']): FeatureParameter => ({
  weight,
  back: 0,
  scaling,
});
const GAMMA: FeatureParameter = { ...vector('gamma', 'multiply'), added: { scale: true } };
const BETA = vector('beta', 'multiply');

const PER_FEATURE = [GAMMA, BETA, vector('moving_mean', 'none'), vector('moving_variance', 'none')];

export const NORMALISATIONS: readonly LayerClass[] = [
  ...classes('BatchNormalization', {
    shape: same,
    place: keepsPlace,
    effect: effect.normalisesBatches,
    flow: flow.normalisesBatches(PER_FEATURE),
    parameters: PER_FEATURE,
    mask: 'passes',
  }),
  ...classes('LayerNormalization', {
    shape: same,
    place: keepsPlace,
    effect: effect.normalisesFeatures,
    flow: flow.mixesAxes(-1, 'normalises over them'),
    parameters: [GAMMA, BETA],
    mask: 'passes',
  }),
  ...classes('Softmax', {
    shape: same,
    place: keepsPlace,
    effect: effect.softmax,
    flow: flow.mixesAxes(1, 'sums over a whole axis'),
    mask: 'reads',
  }),
];
