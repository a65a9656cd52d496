/** What a model is, in a few lines, and what half of its widths would leave of it. */
import { findWidths, type Model, type TensorInfo } from '@spherize/core';
import { LANES, narrowedShape, timeOf } from '@spherize/core/allocation';
import { withUsualShapes } from '../plugins/fixed-shapes.js';
import { megabytes, percent } from '../terminal/output.js';
import { graphFootprint } from './static-footprint.js';

/** The share of every width that leaves in the estimate. */
const HALF = 0.5;
/** A speedup that is worth a word. */
const NOTICED = 1.05;

/** One line of the overview: a word, and what is said of it. */
type Line = readonly [string, string];

/**
 * @param source as the user called the model
 * @param format name of its format
 * @param bytes of its files
 */
export async function overview(source: string, format: string, model: Model, bytes: number): Promise<Line[]> {
  const sized = await withUsualShapes(model);
  const before = await graphFootprint(sized);
  const lengths =
    sized === model ? '' : ` of ${sized.inputs.map(({ shape }) => sizesText(shape)).join(' and ')}`;
  return [
    ['model', `${source}: ${format}, ${megabytes(bytes)}`],
    ['inputs', model.inputs.map(valueText).join('; ')],
    ['outputs', model.outputs.map(valueText).join('; ')],
    ['weights', `${count(model.parameters)} parameters: ${kinds(model)}`],
    [
      'computes',
      before.macs === null ? 'unknown' : `${count(before.macs)} multiply-accumulates per sample${lengths}`,
    ],
    ['widths', await widthsLine(sized, before.macs)],
  ];
}

function valueText({ name, type = 'float32', shape }: TensorInfo): string {
  return `${name} ${sizesText(shape)} ${type}`;
}

function sizesText(shape: TensorInfo['shape']): string {
  return shape.map((length) => length ?? '?').join('×');
}

/** Where the weights are. */
function kinds({ graph, parameters }: Model): string {
  let [products, convolutions] = [0, 0];
  for (const { kind, outputs, inputs, span, groups, shared } of graph.layers) {
    if (shared) continue;
    const values = (outputs * span * inputs) / groups;
    if (kind === 'product') products += values;
    else convolutions += values;
  }
  const others = Math.max(0, parameters - products - convolutions);
  return Object.entries({ convolutions, products, others })
    .filter(([, values]) => values > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([name, values]) => `${percent(values / parameters, 1)} ${name}`)
    .join(', ');
}

async function widthsLine(model: Model, macs: number | null): Promise<string> {
  const widths = model.features === undefined ? [] : findWidths(model.graph).widths;
  const free = widths.filter(({ reason }) => reason === undefined);
  if (free.length === 0) return 'none can become narrower';
  const ratios = new Map(free.map(({ name }) => [name, HALF]));
  const half = narrowedShape(model, ratios);
  const lanes = narrowedShape(model, ratios, LANES);
  const time = await timeOf(model, {});
  const faster = time === undefined ? 1 : (await time(model)) / (await time(lanes));
  const after = await graphFootprint(half);
  const fewer = [
    `${(model.parameters / half.parameters).toFixed(1)} × fewer parameters`,
    ...(macs && after.macs ? [`${(macs / after.macs).toFixed(1)} × fewer multiply-accumulates`] : []),
    ...(faster >= NOTICED ? [`about ${faster.toFixed(1)} × faster`] : []),
  ];
  return `${free.length} of ${widths.length} can become narrower; all at half: ${fewer.join(', ')}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}
