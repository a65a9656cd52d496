/**
 * How well a language model predicts the next words of texts:
 *
 *     node models/perplexity.mjs text.onnx text-test.npz
 *
 * The archive holds `input_ids` and `next_ids`, both [texts, length], as `train-text.py` writes it. Prints e to the mean negative
 * logarithm of what the model's only output, scores [texts, length, words], gives the next word. Needs a build.
 */
import { readArray } from '../apps/cli/dist/data/recorded-arrays.js';
import { openModel } from '../apps/cli/dist/plugins/model-formats.js';

const TEXTS = 100;
const [path, archive] = process.argv.slice(2);
const { model } = await openModel(path);
const [words, next] = await Promise.all(
  ['input_ids', 'next_ids'].map((name) => readArray(`npz:${archive}`, name)),
);
const [texts, length] = words.shape;
const session = await model.session();
let sum = 0;
for (let from = 0; from < texts; from += TEXTS) {
  const count = Math.min(TEXTS, texts - from);
  const part = ({ data }) => data.subarray(from * length, (from + count) * length);
  const outputs = await session.run({
    [model.inputs[0].name]: { shape: [count, length], data: part(words) },
  });
  const { data, shape } = outputs[model.outputs[0].name];
  const width = shape[2];
  for (const [i, word] of part(next).entries()) {
    const scores = data.subarray(i * width, (i + 1) * width);
    const largest = scores.reduce((most, score) => Math.max(most, score));
    const total = scores.reduce((all, score) => all + Math.exp(score - largest), 0);
    sum += largest + Math.log(total) - scores[word];
  }
}
await session.release();
console.log(`perplexity ${Math.exp(sum / (texts * length)).toFixed(3)} on ${texts} texts of ${length}`);
