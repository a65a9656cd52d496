/**
 * Writes a model so that the target is either the old file or the whole new one.
 *
 * One protobuf message ends at 2 GiB. Larger models, and those that came that way, keep the values of their large tensors
 * in a file called `<target>.data` beside the model, as exporters do.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
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
  return replace([{ target, parts }], true);
}

/**
 * Writes a model with the values of its large tensors in `<target>.data`. Both files are complete under temporary names
 * before the first is renamed; the data file takes its place first.
 *
 * @returns the bytes of both files
 * @throws InputError `NOT_FOUND` when the target's folder does not exist, `UNSUPPORTED` when what is left is still over 2 GiB
 */
export async function writeWithExternalData(
  model: ModelProto,
  target: string,
  { durable = true }: WriteOptions = {},
): Promise<number> {
  const data = `${target}.data`;
  const { model: header, parts } = withExternalData(model, basename(data));
  if (needsExternalData(header)) {
    throw new InputError(
      'UNSUPPORTED',
      'the model holds over 2 GiB outside of its large initializers: an ONNX file ends there',
    );
  }
  const files = parts.length === 0 ? [] : [{ target: data, parts }];
  const encoded = toBinary(ModelProtoSchema, header);
  return replace([...files, { target, parts: [{ bytes: encoded, offset: 0 }] }], durable);
}

/** Writes all files under temporary names, then renames them in order. */
async function replace(
  files: readonly { target: string; parts: readonly DataPart[] }[],
  durable: boolean,
): Promise<number> {
  const pending: { temporary: string; target: string }[] = [];
  let total = 0;
  try {
    for (const { target, parts } of files) {
      const folder = dirname(target);
      const found = await stat(folder).catch(() => undefined);
      if (!found?.isDirectory()) {
        throw new InputError('NOT_FOUND', `cannot write ${target}: there is no folder ${folder}`);
      }
      const temporary = join(folder, temporaryFileName(basename(target), process.pid, hostname()));
      pending.push({ temporary, target });
      const file = await open(temporary, 'wx');
      try {
        for (const part of parts) await writePart(file, part);
        if (durable) await file.sync();
        total += (await file.stat()).size;
      } finally {
        await file.close();
      }
    }
    for (const { temporary, target } of pending) await rename(temporary, target);
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
