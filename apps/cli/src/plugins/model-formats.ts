import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { onnxFormat } from '@spherize/adapters-onnx/node';
import { tfjsFormat } from '@spherize/adapters-tfjs/node';
import { InputError, type Model, type ModelFormat, type ReadOptions, Registry } from '@spherize/core';
import { requireMemory } from '@spherize/files';
import { EMBEDDED_MODELS, embeddedModelPath, isEmbeddedModel } from '../embedded/embedded-model.js';
import type { GivenShape } from '../options/parse.js';
import { verboseLine } from '../terminal/output.js';
import { withShapes } from './fixed-shapes.js';
import { importFromWorkingFolder } from './import-module.js';

/** The model formats that the command knows by name; others are found as packages and paths. */
export const modelFormats: Registry<ModelFormat> = new Registry(
  'model format',
  [onnxFormat, tfjsFormat],
  isModelFormat,
);

function isModelFormat(value: unknown): value is ModelFormat {
  const candidate = value as Partial<ModelFormat> | null | undefined;
  return (
    typeof candidate === 'object' &&
    typeof candidate?.name === 'string' &&
    typeof candidate.matches === 'function' &&
    typeof candidate.read === 'function'
  );
}

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

export interface OpenModelOptions extends ReadOptions {
  /** Lengths for free axes of the model's inputs. */
  readonly shape?: readonly GivenShape[] | undefined;
}

/**
 * Reads a model by path, or an embedded one by name.
 *
 * @param formatName built-in name, package or path of the model's format; by the model's name when left out
 * @throws InputError for a source that is no model of a known format
 */
export async function openModel(
  source: string,
  formatName?: string,
  { shape = [], ...options }: OpenModelOptions = {},
): Promise<OpenModel> {
  const path = isEmbeddedModel(source) ? await embeddedModelPath(source) : source;
  const format = await formatOf(path, formatName);
  const { model: read, bytes, files = [path] } = await format.read(path, options);
  const model = withShapes(read, shape);
  await nameRuntime(format);
  return { source, path, format, model, bytes, files };
}

/** Says with `--verbose` what will run models, where a format has a choice. */
export async function nameRuntime({ name, runtime }: ModelFormat): Promise<void> {
  if (runtime) await verboseLine(async () => `${name} models run on ${await runtime()}`);
}

/** All files of a model on disk. */
export async function filesOf(path: string, formatName?: string): Promise<readonly string[]> {
  const format = await formatOf(path, formatName);
  return format.filesOf?.(path) ?? (await format.read(path)).files ?? [path];
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

async function formatOf(path: string, name: string | undefined): Promise<ModelFormat> {
  const named = name === undefined ? undefined : await modelFormats.find(name, importFromWorkingFolder);
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    const embedded = EMBEDDED_MODELS.map(({ name }) => name).join(', ');
    throw new InputError(
      'NOT_FOUND',
      `model '${path}' does not exist: give a file (.onnx, model.json) or an embedded model (${embedded})`,
    );
  }
  requireMemory(`model '${path}'`, found.size, 'use a machine with more');
  const format = named ?? modelFormats.builtIn.find((candidate) => candidate.matches(path));
  if (format) return format;
  throw new InputError(
    'BAD_FILE',
    `model '${path}' has no known format: expected a file named *.onnx or *.json, or --format with a package or a path`,
  );
}
