/** Whether the classes of labelled data are those of a model. */
import { InputError, type Model, scoresOutput, valueRange } from '@spherize/core';
import { classesOf, ModelRunner } from '@spherize/core/evaluation';
import type { Dataset } from '../data/dataset.js';
import { logLine } from '../terminal/output.js';

/**
 * Compares the number of classes that data have with the number of scores that a model gives. Labels that reach less far than the scores
 * are only remarked on: a part of the data need not have all of them.
 *
 * @param labelOffset what the user adds to labels; when left out, folders must be as many as the scores
 * @throws InputError `BAD_ARGUMENT` when they cannot belong together, `UNSUPPORTED` when the model gives no scores
 */
export async function requireMatchingClasses(
  model: Model,
  data: Dataset,
  labelOffset: number | undefined,
): Promise<void> {
  const { count, from } = data.classes;
  const scores = await countScores(model, data);
  if (count === scores) return;
  const output = `${scores} ${scores === 1 ? 'class' : 'classes'} in its output '${scoresOutput(model, data.scores).name}'`;
  const shifted = labelOffset ? ` with --label-offset ${labelOffset}` : '';
  const background =
    scores === count + 1 ? 'if the first is a background class, add --label-offset 1; if not, ' : '';
  const refuse = (message: string) => new InputError('BAD_ARGUMENT', `data: ${message}`);
  if (from === 'names')
    throw refuse(
      `--classes gives ${count} classes${shifted}, but the model has ${output}: name each on a line, in the model's order`,
    );
  if (from === 'folders' && (labelOffset === undefined || count > scores)) {
    const folders = count - (labelOffset ?? 0);
    throw refuse(
      `${data.name} has ${folders} class ${folders === 1 ? 'folder' : 'folders'}${shifted}, but the model has ${output}: ` +
        `${background}give the names of all the model's classes in its order, one a line, with --classes FILE`,
    );
  }
  if (count > scores)
    throw refuse(
      `the labels of ${data.name} reach ${count - 1}${shifted}, ${count} classes from 0, but the model has ${output}: ` +
        'give data made for this model, or shift the labels with --label-offset',
    );
  if (labelOffset === undefined)
    logLine(
      `data: the labels of ${data.name} reach ${count - 1}, the model has ${output}: ` +
        `${background}some classes may have no sample here`,
    );
}

/** By the output's declaration, or else by running one sample. */
async function countScores(model: Model, data: Dataset): Promise<number> {
  const { name, shape } = scoresOutput(model, data.scores);
  const [, classes, ...more] = shape;
  if (classes !== undefined && more.every((length) => length === 1)) return classes;
  const runner = await ModelRunner.start(model);
  try {
    const { inputs } = await data.batch([0]);
    return classesOf((await runner.run(inputs, 1))[name]!, 1);
  } catch (error) {
    if (!(error instanceof InputError && error.code === 'UNSUPPORTED')) throw error;
    throw new InputError('UNSUPPORTED', `output '${name}': ${error.message}${otherOutputs(model, name)}`, {
      cause: error,
    });
  } finally {
    await runner.release();
  }
}

/** What to do where an output holds no scores. */
function otherOutputs({ outputs }: Model, name: string): string {
  const others = outputs.filter((output) => output.name !== name);
  if (others.length === 0) return '';
  const numbers = others.filter(({ type = 'float32' }) => valueRange(type) !== undefined);
  if (numbers.length > 0)
    return `; name another with --output (for compress: --scores): ${numbers.map((output) => output.name).join(', ')}`;
  return `, and ${others.map((output) => `'${output.name}'`).join(', ')} is no tensor of numbers; export the scores as one (for scikit-learn: zipmap=False)`;
}
