/** One picture through both models. */
import { allocateValues, isFloat, type Model, scoresOutput, type Tensor, writeImage } from '@spherize/core';
import { ModelRunner } from '@spherize/core/evaluation';
import type { Answer, TryRequest, TryResult } from '../protocol.js';
import { imageOf } from './facts.js';

const SHOWN = 5;

export async function tryPicture(original: Model, smaller: Model, request: TryRequest): Promise<TryResult> {
  const layout = imageOf(original)!;
  const input = original.inputs[0]!;
  const shape = input.shape.slice(1) as number[];
  const floats = isFloat(input.type);
  const values = new Float32Array(layout.channels * layout.height * layout.width);
  const { mean, std } = request;
  writeImage(values, request.planes, floats ? 1 / 255 : 1, layout, floats ? { mean, std } : {});
  const data = allocateValues(input.type, values.length);
  data.set(values);
  const before = await answerOf(original, data, shape);
  return { before, after: await answerOf(smaller, data, shape) };
}

async function answerOf(model: Model, data: Tensor['data'], shape: readonly number[]): Promise<Answer> {
  const runner = await ModelRunner.start(model);
  try {
    await runner.run(data, 1, shape);
    const started = performance.now();
    const outputs = await runner.run(data, 1, shape);
    const milliseconds = performance.now() - started;
    return { scores: largest(outputs[scoresOutput(model).name]!), milliseconds };
  } finally {
    await runner.release();
  }
}

/** The largest of a sample's scores by their places; of other outputs the values at some places alike. */
function largest({ shape, data }: Tensor): Answer['scores'] {
  const ranked = Array.from(data, (score, place) => ({ score, place })).sort((a, b) => b.score - a.score);
  const label = (place: number): string => (shape.length === 2 ? `class ${place}` : `value ${place}`);
  return ranked.slice(0, SHOWN).map(({ score, place }) => [label(place), score] as const);
}
