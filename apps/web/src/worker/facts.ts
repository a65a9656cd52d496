/** What a model is, in figures and short texts. */
import {
  defaultCalibration,
  findBoth,
  findWidths,
  type ImageLayout,
  imageLayout,
  type Model,
  type TensorInfo,
  WEIGHT_TYPES,
} from '@spherize/core';
import { DEFAULT_MAX_ERROR, defaultReduction } from '@spherize/core/allocation';
import type { ModelFacts } from '../protocol.js';
import type { OpenModel } from './open-model.js';
import { SEED } from './settings.js';

/** Copies of a model that are held at once: its files, two runtimes with what they make of them, and two models that are compared. */
const COPIES = 6;
/** Bytes of a number of a layer's moments, and how many matrices of them a refit holds. */
const MOMENT_BYTES = 8;
const MOMENTS = 3;

export async function factsOf({ name, format, files, model }: OpenModel): Promise<ModelFacts> {
  const widths = model.features === undefined ? [] : findWidths(model.graph).widths;
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const samples = (await defaultCalibration(model, SEED))?.samples ?? 0;
  const both = model.features && findBoth(model);
  return {
    name,
    format,
    bytes,
    parameters: model.parameters,
    macs: (await model.multiplyAccumulates?.()) ?? null,
    inputs: model.inputs.map(textOf),
    outputs: model.outputs.map(textOf),
    widths: widths.length,
    narrower: widths.filter(({ reason }) => reason === undefined).length,
    layers: model.layers.length,
    both: both !== undefined && both.layers.length > 0 && both.widths.length > 0,
    reduce: defaultReduction(model, { maxError: DEFAULT_MAX_ERROR }),
    types: model.storage === undefined ? [] : WEIGHT_TYPES,
    image: imageOf(model),
    samples,
    memory: memoryOf(model, bytes, samples),
    notes: model.notes ?? [],
  };
}

/** How the image lies in a model's only input, where it takes one. */
export function imageOf({ inputs }: Pick<Model, 'inputs'>): ImageLayout | undefined {
  const [input, second] = inputs;
  if (input === undefined || second !== undefined || input.shape.includes(undefined, 1)) return undefined;
  return imageLayout(input.shape.slice(1).map((length) => length!));
}

function textOf({ name, type = 'float32', shape }: TensorInfo): string {
  return `${name} ${shape.map((length) => length ?? '?').join(' × ')} ${type}`;
}

/** The model several times, the moments of its widest layer, and the inputs that are made up. */
function memoryOf(model: Model, bytes: number, samples: number): number {
  const widest = model.graph.layers.reduce(
    (most, { inputs, span, groups }) => Math.max(most, (inputs * span) / groups),
    0,
  );
  const values = (model.inputs[0]?.shape ?? []).slice(1).reduce<number>((n, length) => n * (length ?? 1), 1);
  return COPIES * bytes + MOMENTS * MOMENT_BYTES * widest ** 2 + 2 * values * samples;
}
