import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { onnxFormat } from '@spherize/adapters-onnx';
import { tfjsFormat } from '@spherize/adapters-tfjs/node';
import { InputError, type Model, type ModelFormat } from '@spherize/core';
import { EMBEDDED_MODELS, embeddedModelPath, isEmbeddedModel } from '../embedded/embedded-model.js';

const FORMATS: readonly ModelFormat[] = [onnxFormat, tfjsFormat];

/** A model and where it came from. */
export interface OpenModel {
  /** As the user called it. */
  readonly source: string;
  /** The file that was read. */
  readonly path: string;
  readonly format: ModelFormat;
  readonly model: Model;
  /** The file's size, external data included. */
  readonly bytes: number;
  /** All files that the model consists of. */
  readonly files: readonly string[];
}

/**
 * Reads a model by path, or an embedded one by name.
 *
 * @throws InputError for a source that is no model of a known format
 */
export async function openModel(source: string): Promise<OpenModel> {
  const path = isEmbeddedModel(source) ? await embeddedModelPath(source) : source;
  const format = await formatOf(path);
  const { model, bytes, files = [path] } = await format.read(path);
  return { source, path, format, model, bytes, files };
}

/** @throws InputError `BAD_ARGUMENT` when the output's name does not say the same format as the input's */
export function requireSameFormat({ format, path }: OpenModel, output: string): void {
  if (!format.matches(output)) {
    throw new InputError(
      'BAD_ARGUMENT',
      `output '${output}' is not named as ${format.name} files are, which the input is: end it in ${extname(path)}`,
    );
  }
}

async function formatOf(path: string): Promise<ModelFormat> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    const embedded = EMBEDDED_MODELS.map(({ name }) => name).join(', ');
    throw new InputError(
      'NOT_FOUND',
      `model '${path}' does not exist: give a file (.onnx, model.json) or an embedded model (${embedded})`,
    );
  }
  const format = FORMATS.find((candidate) => candidate.matches(path));
  if (format) return format;
  throw new InputError(
    'BAD_FILE',
    `model '${path}' has no known format: expected a file named *.onnx or *.json`,
  );
}
