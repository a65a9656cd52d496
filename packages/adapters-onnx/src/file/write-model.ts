/**
 * Writes a model so that the target is either the old file or the whole new one.
 *
 * One protobuf message ends at 2 GiB. Larger models, and those that came that way, keep the values of their large tensors
 * in a file called `<target>.data` beside the model, as exporters do.
 */
import { copyFile, link, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { InputError } from '@spherize/core';
import { derivedName, type FilePart, type NewFile, partsOf, replaceFiles } from '@spherize/files';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { encodedParts, needsExternalData } from '../proto/encode-model.js';
import { withExternalData } from './external-data.js';

export interface WriteOptions {
  /** Whether the files shall be on the disk, and not only on their way to it, before they are renamed. Default yes. */
  readonly durable?: boolean;
}

/** Writes a model, given by its encoded bytes where they are at hand, as one file. Returns its bytes. */
export async function writeAsOneFile(model: ModelProto | Uint8Array, target: string): Promise<number> {
  const pieces = model instanceof Uint8Array ? [model] : encodedParts(model);
  return replaceFiles([{ target, parts: partsOf(pieces) }]);
}

/**
 * Writes a model with the values of its large tensors in `<target>.data`. Both files are complete under temporary names before
 * the first takes its place.
 *
 * Where `<target>.data` is there already, the model that is there may read it. So the new model first reads the new data under
 * another name, `<target>.spherize-<number>.data`, and once the old data are replaced, it is replaced by itself reading `<target>.data`.
 * Whenever this is cut off, the target is the whole old model or the whole new one.
 *
 * @returns the bytes of both files
 * @throws InputError as `requireReplaceable`, for both; `UNSUPPORTED` when what is left is still over 2 GiB
 */
export async function writeWithExternalData(
  model: ModelProto,
  target: string,
  { durable = true }: WriteOptions = {},
): Promise<number> {
  const place = join(dirname(target), derivedName(basename(target), '.data'));
  const { header, parts } = apart(model, place);
  const headerFile: NewFile = { target, parts: partsOf([header]) };
  if (parts.length === 0) return replaceFiles([headerFile], { durable });
  const whole: NewFile[] = [{ target: place, parts }, headerFile];
  const inFolder = await readdir(dirname(target)).catch((): string[] => []);
  if (!inFolder.includes(basename(place))) {
    return replaceFiles(whole, { durable });
  }
  const passingFile = passingName(basename(target), inFolder);
  const between = join(dirname(target), passingFile);
  const bytes = apart(model, between).header;
  const bytesOfAll = await replaceFiles([...whole, { target, parts: partsOf([bytes]) }], {
    durable,
    place: async (temporaries) => {
      const [data, last, first] = temporaries as [string, string, string];
      await link(data, between).catch(() => copyFile(data, between));
      await rename(first, target);
      await rename(data, place);
      await rename(last, target);
    },
  });
  // Also those that earlier runs left when they were killed: nothing reads them any more.
  for (const name of [...inFolder, passingFile]) {
    if (isPassing(name, basename(target))) await rm(join(dirname(target), name), { force: true });
  }
  return bytesOfAll - bytes.length;
}

/** A model without the values of its large tensors, encoded, and these. */
function apart(model: ModelProto, place: string): { header: Uint8Array; parts: readonly FilePart[] } {
  const { model: header, parts } = withExternalData(model, basename(place));
  if (needsExternalData(header)) {
    throw new InputError(
      'UNSUPPORTED',
      'the model holds over 2 GiB outside of its large initializers: an ONNX file ends there',
    );
  }
  return { header: toBinary(ModelProtoSchema, header), parts };
}

/** `<model>.spherize-<number>.data`, a name that nobody else gives, with the first number that no file of the folder has. */
function passingName(model: string, inFolder: readonly string[]): string {
  const taken = new Set(inFolder);
  let number = 1;
  while (taken.has(passing(model, number))) number++;
  return passing(model, number);
}

function passing(model: string, number: number): string {
  return derivedName(model, `.spherize-${number}.data`);
}

function isPassing(name: string, model: string): boolean {
  const [, number] = /\.spherize-(\d+)\.data$/.exec(name) ?? [];
  return number !== undefined && name === passing(model, Number(number));
}
