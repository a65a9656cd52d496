import { Pause } from '../cancellation.js';
import type { Model } from '../format/model-format.js';
import { samplesOf } from './calibration-inputs.js';
import type { ImageBatches } from './image-batches.js';
import type { ByteImage } from './image-offspring.js';
import { averagingOut, storedMoments } from './stored-moments.js';

/** Images at a time, where the model does not fix it: all that its normalisations read is held for them. */
const BATCH = 10;

/**
 * Those images that together come nearest to the means and variances that batch normalisations of the model hold from training. (Images made to
 * match them by gradients: DeepInversion, Yin et al., 2020, doi:10.1109/CVPR42600.2020.00874.)
 *
 * @param model with `features.statistics`
 * @param images more than `count`
 */
export async function matchingImages(
  model: Model,
  images: readonly ByteImage[],
  batches: ImageBatches,
  count: number,
  signal: AbortSignal | undefined,
): Promise<readonly ByteImage[]> {
  const features = model.features!;
  const statistics = features.statistics!;
  const inputs = new Set(model.inputs.map(({ name }) => name));
  const read = new Set(statistics.map(({ tensor }) => tensor));
  const made = [...read].filter((tensor) => !inputs.has(tensor));
  const session = made.length > 0 ? await features.observe(made).session() : undefined;
  const pause = new Pause(signal);
  const rows: Float32Array[] = [];
  try {
    for (const feeds of batches.of(images, BATCH)) {
      await pause.point();
      const found = { ...feeds, ...(await session?.run(feeds)) };
      rows.push(...storedMoments(statistics, found, samplesOf(feeds)));
    }
  } finally {
    await session?.release();
  }
  return (await averagingOut(rows, count, pause)).map((i) => images[i]!);
}
