/** One picture through both models. */
import {
  allocateValues,
  InputError,
  isFloat,
  type Model,
  scoresOutput,
  type Tensor,
  writeImage,
} from '@spherize/core';
import { ModelRunner, parseClassNames } from '@spherize/core/evaluation';
import type { Answer, TryRequest, TryResult } from '../protocol.js';
import { imageOf } from './facts.js';

const SHOWN = 5;

/** @throws InputError `BAD_FILE` for names that are not one for each of the model's classes */
export async function tryPicture(original: Model, smaller: Model, request: TryRequest): Promise<TryResult> {
  const layout = imageOf(original)!;
  const input = original.inputs[0]!;
  const floats = isFloat(input.type);
  const values = new Float32Array(layout.channels * layout.height * layout.width);
  const { mean, std } = request;
  writeImage(values, request.planes, floats ? 1 / 255 : 1, layout, floats ? { mean, std } : {});
  const data = allocateValues(input.type, values.length);
  data.set(values);
  const { names } = request;
  const classes = names && { source: names.source, names: parseClassNames(names.text, names.source) };
  const feeds = { [input.name]: { shape: [1, ...input.shape.slice(1)] as number[], data } };
  const before = await answerOf(original, feeds, classes);
  return { before, after: await answerOf(smaller, feeds, classes) };
}

interface Classes {
  readonly source: string;
  readonly names: readonly string[];
}

async function answerOf(
  model: Model,
  feeds: Readonly<Record<string, Tensor>>,
  classes: Classes | undefined,
): Promise<Answer> {
  const runner = await ModelRunner.start(model);
  try {
    await runner.run(feeds, 1);
    const started = performance.now();
    const outputs = await runner.run(feeds, 1);
    const milliseconds = performance.now() - started;
    return { scores: largest(outputs[scoresOutput(model).name]!, classes), milliseconds };
  } finally {
    await runner.release();
  }
}

/** The largest of a sample's scores by their places; of other outputs the values at some places alike. */
function largest({ shape, data }: Tensor, classes: Classes | undefined): Answer['scores'] {
  const scored = shape.length === 2;
  if (classes !== undefined && !(scored && classes.names.length === data.length)) {
    const { source, names } = classes;
    const has = scored ? `${data.length} classes` : 'no classes: its output is no score per class';
    throw new InputError('BAD_FILE', `${source} names ${names.length} classes, but the model has ${has}`);
  }
  const ranked = Array.from(data, (score, place) => ({ score, place })).sort((a, b) => b.score - a.score);
  const label = (place: number): string =>
    scored ? (classes?.names[place] ?? `class ${place}`) : `value ${place}`;
  return ranked.slice(0, SHOWN).map(({ score, place }) => [label(place), score] as const);
}
