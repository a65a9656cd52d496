import { InputError } from '../errors.js';
import { isFloat, valueRange } from './element-type.js';
import type { Model, TensorInfo } from './model-format.js';

/**
 * The output that holds a classifier's scores: the one of this name, else the first of floats with a shape `[N, classes]` (further axes
 * of length 1 are allowed), else the first of floats, else the same among whole numbers.
 *
 * @throws InputError `UNKNOWN_NAME` when there is no such output, `UNSUPPORTED` when it, or every output, holds no numbers
 */
export function scoresOutput({ outputs }: Pick<Model, 'outputs'>, name?: string): TensorInfo {
  const all = outputs
    .map((output) => `${output.name} (${output.type === 'other' ? 'no tensor' : (output.type ?? 'float32')})`)
    .join(', ');
  if (name !== undefined) {
    const found = outputs.find((output) => output.name === name);
    if (!found)
      throw new InputError('UNKNOWN_NAME', `the model has no output '${name}', expected one of ${all}`);
    if (valueRange(found.type ?? 'float32') === undefined)
      throw new InputError(
        'UNSUPPORTED',
        `the model's output '${name}' holds no numbers: name another one of ${all}`,
      );
    return found;
  }
  const numbers = outputs.filter(({ type = 'float32' }) => valueRange(type) !== undefined);
  const floats = numbers.filter(({ type }) => isFloat(type));
  const found = floats.find(holdsScores) ?? floats[0] ?? numbers.find(holdsScores) ?? numbers[0];
  if (!found)
    throw new InputError(
      'UNSUPPORTED',
      `no output of the model is a tensor of numbers: ${all}; export it with its scores as a tensor (for scikit-learn: zipmap=False)`,
    );
  return found;
}

function holdsScores({ shape }: TensorInfo): boolean {
  const [, classes, ...more] = shape;
  return shape.length > 1 && classes !== 1 && more.every((length) => length === 1);
}
