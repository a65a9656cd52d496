/** Texts that a language model itself would write: what it is most used to, made without data. */
import type { Pause } from '../cancellation.js';
import type { ModelSession, Tensor } from '../format/model-format.js';
import type { Random } from '../random.js';
import { holdsWords } from './input-kinds.js';
import type { SizedInput } from './input-shapes.js';

/** How often all words are drawn anew, each from what the model says after the words before it. */
const ROUNDS = 4;
/** A model that reads on only from left to right gives the same scores to the words before one that changes, but for rounding. */
const SAME = 1e-3;

/** The input `[N, T]` in which a model reads words, if it is the only one. */
export function wordInput(inputs: readonly SizedInput[]): SizedInput | undefined {
  const [input, second] = inputs.filter(holdsWords);
  if (second !== undefined || input === undefined || input.shape.length !== 2 || input.shape[1]! < 2)
    return undefined;
  return input;
}

/**
 * The output that scores each next word of a text, found by a run: `[N, T, words]`, and the scores before a word do not change with it.
 *
 * @param feeds some texts
 */
export async function nextWordScores(
  session: ModelSession,
  feeds: Readonly<Record<string, Tensor>>,
  { name, entries = 0 }: SizedInput,
): Promise<string | undefined> {
  const words = feeds[name]!;
  const [texts, length] = words.shape as [number, number];
  const outputs = await session.run(feeds);
  const found = Object.entries(outputs).find(
    ([, { shape }]) =>
      shape.length === 3 && shape[0] === texts && shape[1] === length && shape[2]! >= entries,
  );
  if (found === undefined) return undefined;
  const changed = words.data.slice();
  for (let t = length - 1; t < changed.length; t += length) changed[t] = (changed[t]! + 1) % entries;
  const after = (await session.run({ ...feeds, [name]: { ...words, data: changed } }))[found[0]]!;
  const [output, before] = found;
  const perText = before.data.length / texts;
  const earlier = (perText / length) * (length - 1);
  let difference = 0;
  let largest = 0;
  for (let text = 0; text < texts; text++) {
    for (let i = text * perText; i < text * perText + earlier; i++) {
      difference = Math.max(difference, Math.abs(before.data[i]! - after.data[i]!));
      largest = Math.max(largest, Math.abs(before.data[i]!));
    }
  }
  return difference <= SAME * largest ? output : undefined;
}

/**
 * Draws the words of some texts anew, all at once: each from what the model says after the words before it, as they were. After `ROUNDS`
 * times, each word follows from several that did so before it. The first word stays.
 */
export async function sampledTexts(
  session: ModelSession,
  feeds: Readonly<Record<string, Tensor>>,
  { name, entries = 0 }: SizedInput,
  output: string,
  random: Random,
  pause: Pause,
): Promise<Record<string, Tensor>> {
  let words = feeds[name]!;
  const [texts, length] = words.shape as [number, number];
  for (let round = 0; round < ROUNDS; round++) {
    const { data: scores, shape } = (await session.run({ ...feeds, [name]: words }))[output]!;
    const width = shape[2]!;
    const data = words.data.slice();
    for (let text = 0; text < texts; text++) {
      for (let t = 1; t < length; t++) {
        const from = (text * length + t - 1) * width;
        data[text * length + t] = drawn(scores.subarray(from, from + entries), random);
      }
      await pause.point();
    }
    words = { ...words, data };
  }
  return { ...feeds, [name]: words };
}

/** A place by the softmax of some scores. */
function drawn(scores: ArrayLike<number>, random: Random): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) largest = Math.max(largest, scores[i]!);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += Math.exp(scores[i]! - largest);
  let left = random.uniform() * sum;
  for (let i = 0; i < scores.length; i++) {
    left -= Math.exp(scores[i]! - largest);
    if (left <= 0) return i;
  }
  return scores.length - 1;
}
