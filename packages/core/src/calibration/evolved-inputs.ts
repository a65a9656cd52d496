import { type LongRunOptions, Pause } from '../cancellation.js';
import type { Model, ModelSession, Tensor, TensorInfo } from '../format/model-format.js';
import { scoresOutput } from '../format/scores-output.js';
import { Random } from '../random.js';
import { type CalibrationInputs, samplesOf } from './calibration-inputs.js';
import {
  affordableSamples,
  type GeneratedInputsOptions,
  generatedInputs,
  sampleRandom,
} from './generated-inputs.js';
import { ImageBatches } from './image-batches.js';
import { type ImageLayout, imageLayout } from './image-layout.js';
import { type ByteImage, imageOffspring } from './image-offspring.js';
import { bytesOf, sampleShape } from './input-kinds.js';
import { type SizedInput, sizedInputs } from './input-shapes.js';
import { matchingImages } from './matching-images.js';
import { nextWordScores, sampledTexts, wordInput } from './sampled-texts.js';
import { smoothImage } from './smooth-image.js';

/** How often the images have offspring: each time the model sees as many new images as samples are wanted. */
const GENERATIONS = 2;
/** How many such sets of images are made at most where some of them are chosen, and how far their seeds are apart: more than users count up. */
const EVOLUTIONS = 4;
const EVOLUTION_SEEDS = 0x20003;

/**
 * Generated images that the model spreads over its classes. Most random images fall into a few classes, so that what the model does
 * for the others would hardly count in calibration. The images of `generatedInputs` are therefore evolved: parents are drawn evenly
 * from all classes that have appeared, their offspring (see `imageOffspring`) is sorted by the model, and as many images of each
 * class survive as can. The class is the largest of a sample's outputs; no label, no gradient and no data are used. (Images evolved
 * towards a network's classes: Nguyen, Yosinski and Clune, 2015, doi:10.1109/CVPR.2015.7298640.)
 *
 * Where batch normalisations still hold the means and variances of training (`ModelFeatures.statistics`), up to four such sets are evolved, as
 * long as running the model on all of them takes no more than `defaultSamples` allows, and the images are those of all sets that together match
 * them best (see `matchingImages`).
 *
 * A language model that reads from left to right gets texts that it would write itself: the words of `generatedInputs` are drawn anew from
 * its own scores of the next word, some times over. (Texts that a model writes, as data to fit on: LLM-QAT, Liu et al., 2023,
 * arXiv 2305.17888.)
 *
 * All other inputs are those of `generatedInputs`; so are images where the output of scores (see `scoresOutput`) is not `[N, classes]` with a
 * row for each sample.
 *
 * Memory: two bytes per pixel, channel and sample, one more for every further set, and texts as they are. Everything is computed when the first
 * batch is asked for.
 *
 * @param inputs the model's inputs, with lengths of free axes where they have any (`settledInputs`)
 * @throws InputError as `generatedInputs` does
 */
export function evolvedInputs(
  model: Model,
  inputs: readonly TensorInfo[],
  options: EvolvedInputsOptions,
): CalibrationInputs {
  const generated = generatedInputs(inputs, options);
  const sized = sizedInputs(inputs, 1);
  const [first, second] = sized;
  const layout = first && second === undefined ? imageLayout(sampleShape(first)) : undefined;
  if (first && layout) {
    const input = { ...first, shape: [inputs[0]!.shape[0], ...first.shape.slice(1)] };
    return evolvedImages(model, input, layout, generated, options);
  }
  const words = wordInput(sized);
  return words === undefined ? generated : writtenTexts(model, words, generated, options);
}

function evolvedImages(
  model: Model,
  input: TensorInfo,
  layout: ImageLayout,
  { name, samples }: CalibrationInputs,
  options: EvolvedInputsOptions,
): CalibrationInputs {
  const batches = new ImageBatches(input, layout, options);
  let evolved: readonly ByteImage[] | undefined;
  return {
    name,
    samples,
    async *batches(signal) {
      evolved ??= await evolvedSets(model, input, batches, layout, options, signal);
      yield* batches.of(evolved);
    },
  };
}

/** Texts that the model would write, where it is one that writes; else those that were generated. */
function writtenTexts(
  model: Model,
  words: SizedInput,
  generated: CalibrationInputs,
  { seed = 0 }: EvolvedInputsOptions,
): CalibrationInputs {
  let written: readonly Record<string, Tensor>[] | undefined;
  return {
    name: generated.name,
    samples: generated.samples,
    async *batches(signal) {
      written ??= await write(signal);
      yield* written;
    },
  };

  async function write(signal: AbortSignal | undefined): Promise<Record<string, Tensor>[]> {
    const pause = new Pause(signal);
    const random = new Random(Math.imul(seed + 1, 0x85ebca6b));
    const texts: Record<string, Tensor>[] = [];
    let scores: string | undefined;
    const session = await model.session();
    try {
      for await (const feeds of generated.batches(signal)) {
        await pause.point();
        if (texts.length === 0) scores = await nextWordScores(session, feeds, words);
        texts.push(
          scores === undefined ? feeds : await sampledTexts(session, feeds, words, scores, random, pause),
        );
      }
    } finally {
      await session.release();
    }
    return texts;
  }
}

export interface EvolvedInputsOptions extends GeneratedInputsOptions {
  /** The output with the scores of the classes. Default: as `scoresOutput` finds it. */
  readonly scores?: string | undefined;
  /** Told how many images the model has sorted while they are evolved, of all that it is going to. */
  readonly onProgress?: LongRunOptions['onProgress'];
}

/** One set or, where there is something to match, the best of several. */
async function evolvedSets(
  model: Model,
  input: TensorInfo,
  batches: ImageBatches,
  layout: ImageLayout,
  options: EvolvedInputsOptions,
  signal: AbortSignal | undefined,
): Promise<readonly ByteImage[]> {
  const { seed = 0 } = options;
  const { samples } = batches;
  const count = await setsToMatch(model, input, samples);
  const sets: (readonly ByteImage[])[] = [];
  const total = count * (1 + GENERATIONS) * samples;
  let done = 0;
  const onSorted = (images: number): void => {
    done += images;
    options.onProgress?.({ phase: 'inputs', done, total, share: done / total });
  };
  for (let i = 0; i < count; i++) {
    const own = { ...options, seed: seed + i * EVOLUTION_SEEDS, onSorted };
    sets.push(await evolve(model, batches, layout, own, signal));
  }
  return count === 1 ? sets[0]! : matchingImages(model, sets.flat(), batches, samples, signal);
}

async function setsToMatch(model: Model, input: TensorInfo, samples: number): Promise<number> {
  if (!model.features?.statistics?.length) return 1;
  const macs = await model.multiplyAccumulates?.([input]);
  if (macs === undefined) return 1;
  return Math.max(1, Math.min(EVOLUTIONS, Math.floor(affordableSamples([input], macs) / samples)));
}

async function evolve(
  model: Model,
  batches: ImageBatches,
  layout: ImageLayout,
  { seed = 0, scores, onSorted }: EvolvedInputsOptions & { readonly onSorted: (images: number) => void },
  signal: AbortSignal | undefined,
): Promise<readonly ByteImage[]> {
  const pause = new Pause(signal);
  const { samples } = batches;
  let images: ByteImage[] = [];
  for (let i = 0; i < samples; i++) {
    images.push(
      smoothImage(layout.height, layout.width, layout.channels, sampleRandom(seed, i)).map(bytesOf),
    );
    await pause.point();
  }
  const session = await model.session();
  try {
    const output = scoresOutput(model, scores).name;
    const sorted = (some: readonly ByteImage[]) =>
      classesOf(session, output, batches.of(some), pause, onSorted);
    let classes = await sorted(images);
    for (let generation = 1; classes && generation <= GENERATIONS; generation++) {
      const random = new Random(Math.imul(seed + 1, 0x85ebca6b) ^ generation);
      const byClass = membersOf(classes);
      const drawn = (): ByteImage => {
        const members = byClass[random.integer(byClass.length)]!;
        return images[members[random.integer(members.length)]!]!;
      };
      const children: ByteImage[] = [];
      for (let i = 0; i < samples; i++) {
        children.push(imageOffspring(drawn(), drawn(), layout, random));
        await pause.point();
      }
      const added = await sorted(children);
      if (added === undefined) break;
      const all = [...images, ...children];
      const allClasses: number[] = [...classes, ...added];
      const kept = evenlyChosen(allClasses, samples, random);
      images = kept.map((i) => all[i]!);
      classes = kept.map((i) => allClasses[i]!);
    }
  } finally {
    await session.release();
  }
  return images;
}

/** The largest output of each sample, or undefined when the output is not `[N, classes]` with a row for each. */
async function classesOf(
  session: ModelSession,
  output: string,
  batches: Iterable<Record<string, Tensor>>,
  pause: Pause,
  onSorted: (images: number) => void,
): Promise<number[] | undefined> {
  const classes: number[] = [];
  for (const batch of batches) {
    await pause.point();
    const { shape, data } = (await session.run(batch))[output]!;
    const [rows = 0, count] = shape;
    if (shape.length !== 2 || count! < 2 || rows !== samplesOf(batch)) return undefined;
    for (let i = 0; i < rows; i++) {
      let best = i * count!;
      for (let p = best + 1; p < (i + 1) * count!; p++) if (data[p]! > data[best]!) best = p;
      classes.push(best - i * count!);
    }
    onSorted(rows);
  }
  return classes;
}

/** The positions of each class that appears, classes in ascending order. */
function membersOf(classes: readonly number[]): number[][] {
  const members = new Map<number, number[]>();
  classes.forEach((c, i) => {
    const list = members.get(c);
    if (list) list.push(i);
    else members.set(c, [i]);
  });
  return [...members].sort(([a], [b]) => a - b).map(([, list]) => list);
}

/** `count` positions, as many of each class as there are, up to an even share; random within a class; in ascending order. */
function evenlyChosen(classes: readonly number[], count: number, random: Random): number[] {
  const queues = membersOf(classes).map((members) => random.shuffle(members));
  const chosen: number[] = [];
  for (let turn = 0; chosen.length < count; turn++) {
    for (const queue of queues) {
      if (turn < queue.length && chosen.length < count) chosen.push(queue[turn]!);
    }
  }
  return chosen.sort((a, b) => a - b);
}
