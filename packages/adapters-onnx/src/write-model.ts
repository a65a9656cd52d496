/**
 * Writes a model so that the target is either the old file or the whole new one.
 *
 * One protobuf message ends at 2 GiB. Larger models, and those that came that way, keep the values of their large tensors
 * in a file called `<target>.data` beside the model, as exporters do.
 */
import { copyFile, type FileHandle, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { InputError, temporaryFileName } from '@spherize/core';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { encodedParts } from './encode-model.js';
import { type DataPart, withExternalData } from './external-data.js';

/** The most that one protobuf message may hold. */
const LARGEST_MESSAGE = 2 ** 31 - 1;
/** What nodes, names and shapes take beside the tensors' values, generously. */
const MESSAGE_ROOM = 2 ** 24;
/** The most that is written by one call. */
const CHUNK = 2 ** 30;

export interface WriteOptions {
  /** Whether the files shall be on the disk, and not only on their way to it, before they are renamed. Default yes. */
  readonly durable?: boolean;
}

/** Whether a model is too large for one protobuf message. */
export function needsExternalData(model: ModelProto): boolean {
  const { initializer = [] } = model.graph ?? {};
  const values = initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
  return values > LARGEST_MESSAGE - MESSAGE_ROOM;
}

/** Writes a model, given by its encoded bytes where they are at hand, as one file. Returns its bytes. */
export async function writeAsOneFile(model: ModelProto | Uint8Array, target: string): Promise<number> {
  const pieces = model instanceof Uint8Array ? [model] : encodedParts(model);
  let end = 0;
  const parts = pieces.map((bytes) => {
    const offset = end;
    end += bytes.length;
    return { bytes, offset };
  });
  return replace({ target, parts }, true);
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
 * @throws InputError `NOT_FOUND` when the target's folder does not exist, `BAD_ARGUMENT` when `<target>.data` is a folder,
 *   `UNSUPPORTED` when what is left is still over 2 GiB
 */
export async function writeWithExternalData(
  model: ModelProto,
  target: string,
  { durable = true }: WriteOptions = {},
): Promise<number> {
  const place = `${target}.data`;
  const { header, parts } = apart(model, place);
  if (parts.length === 0) return replace({ target, parts: [{ bytes: header, offset: 0 }] }, durable);
  const whole: NewFile[] = [
    { target: place, parts },
    { target, parts: [{ bytes: header, offset: 0 }] },
  ];
  const inFolder = await readdir(dirname(target)).catch((): string[] => []);
  if (!inFolder.includes(basename(place))) {
    return inPlace(whole, durable, async ([data, last]) => {
      await rename(data!.temporary, place);
      await rename(last!.temporary, target);
    });
  }
  if ((await stat(place)).isDirectory()) {
    throw new InputError(
      'BAD_ARGUMENT',
      `cannot write ${place}: it is a folder: give the model another name, or the folder`,
    );
  }
  const passing = passingName(basename(target), inFolder);
  const between = join(dirname(target), passing);
  const bytes = apart(model, between).header;
  const bytesOfAll = await inPlace(
    [...whole, { target, parts: [{ bytes, offset: 0 }] }],
    durable,
    async ([data, last, first]) => {
      await link(data!.temporary, between).catch(() => copyFile(data!.temporary, between));
      await rename(first!.temporary, target);
      await rename(data!.temporary, place);
      await rename(last!.temporary, target);
    },
  );
  // Also those that earlier runs left when they were killed: nothing reads them any more.
  for (const name of [...inFolder, passing]) {
    if (isPassing(name, basename(target))) await rm(join(dirname(target), name), { force: true });
  }
  return bytesOfAll - bytes.length;
}

/** A model without the values of its large tensors, encoded, and these. */
function apart(model: ModelProto, place: string): { header: Uint8Array; parts: readonly DataPart[] } {
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
  while (taken.has(`${model}.spherize-${number}.data`)) number++;
  return `${model}.spherize-${number}.data`;
}

function isPassing(name: string, model: string): boolean {
  return name.startsWith(`${model}.spherize-`) && /^\d+\.data$/.test(name.slice(`${model}.spherize-`.length));
}

/** Writes a file beside its target and renames it. */
function replace(file: NewFile, durable: boolean): Promise<number> {
  return inPlace([file], durable, ([written]) => rename(written!.temporary, file.target));
}

interface NewFile {
  readonly target: string;
  readonly parts: readonly DataPart[];
}

/**
 * Writes all files under temporary names, then has them put in place. What has not found its place when that fails is removed.
 *
 * @returns the bytes of all files
 */
async function inPlace(
  files: readonly NewFile[],
  durable: boolean,
  put: (pending: readonly { temporary: string }[]) => Promise<void>,
): Promise<number> {
  const pending: { temporary: string }[] = [];
  let total = 0;
  try {
    for (const { target, parts } of files) {
      const folder = dirname(target);
      const found = await stat(folder).catch(() => undefined);
      if (!found?.isDirectory()) {
        throw new InputError('NOT_FOUND', `cannot write ${target}: there is no folder ${folder}`);
      }
      const temporary = join(folder, temporaryFileName(basename(target), process.pid, hostname()));
      pending.push({ temporary });
      const file = await open(temporary, 'wx');
      try {
        for (const part of parts) await writePart(file, part);
        if (durable) await file.sync();
        total += (await file.stat()).size;
      } finally {
        await file.close();
      }
    }
    await put(pending);
  } catch (error) {
    for (const { temporary } of pending) await rm(temporary, { force: true });
    throw error;
  }
  return total;
}

async function writePart(file: FileHandle, { bytes, offset }: DataPart): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(CHUNK, bytes.length - done);
    done += (await file.write(bytes, done, length, offset + done)).bytesWritten;
  }
}
