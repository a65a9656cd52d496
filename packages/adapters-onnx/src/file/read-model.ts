/** Reads the file of a model so that as many of its weights as possible can be used where they lie. */
import { open } from 'node:fs/promises';
import { InputError } from '@spherize/core';
import { TensorProto_DataType as DataType, type ModelProto } from 'onnx-buf';
import { decodeModel } from '../proto/decode-model.js';

/** Float32 values are viewed in place where their bytes begin at a multiple of this. */
const ALIGNMENT = Float32Array.BYTES_PER_ELEMENT;
/** Where one protobuf message ends. */
const LARGEST_FILE = 2 ** 31 - 1;
/** The most that is read by one call. */
const CHUNK = 2 ** 30;

/**
 * Protobuf puts tensors at any byte. The file is placed in memory such that most of its float32 values are aligned;
 * the others are copied by whoever wants them as floats.
 *
 * @throws InputError `NOT_FOUND`, `BAD_FILE`, or `UNSUPPORTED` for files over 2 GiB
 */
export async function readModel(source: string): Promise<{ proto: ModelProto; bytes: Uint8Array }> {
  const { bytes, room } = await readBytes(source);
  const proto = decodeModel(bytes, source);
  const shift = (ALIGNMENT - commonRemainder(proto)) % ALIGNMENT;
  if (shift === 0 || shift > room) return { proto, bytes };
  const whole = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length + shift);
  whole.copyWithin(shift, 0, bytes.length);
  const shifted = whole.subarray(shift);
  return { proto: decodeModel(shifted, source), bytes: shifted };
}

/** What the addresses of most float32 values leave when divided by the alignment. */
function commonRemainder({ graph }: ModelProto): number {
  const bytes = new Array<number>(ALIGNMENT).fill(0);
  for (const { dataType, rawData } of graph!.initializer) {
    if (dataType === DataType.FLOAT) bytes[rawData.byteOffset % ALIGNMENT]! += rawData.length;
  }
  return bytes.indexOf(Math.max(...bytes));
}

/** The file's bytes, and how many more their buffer holds behind them. */
async function readBytes(source: string): Promise<{ bytes: Uint8Array<ArrayBuffer>; room: number }> {
  const file = await open(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
      throw new InputError('NOT_FOUND', `there is no file ${source}`, { cause: error });
    }
    throw error;
  });
  try {
    const found = await file.stat();
    if (found.isDirectory()) {
      throw new InputError(
        'BAD_FILE',
        `${source} is not an ONNX model: it is a folder; name the .onnx file in it`,
      );
    }
    // A pipe has no size.
    if (found.isFIFO()) {
      const { buffer, byteOffset, length } = await file.readFile().catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'ERR_FS_FILE_TOO_LARGE' ? tooLarge(source) : error;
      });
      return { bytes: new Uint8Array(buffer, byteOffset, length), room: 0 };
    }
    if (!found.isFile()) {
      throw new InputError('BAD_FILE', `${source} is not an ONNX model: it is a device; name a file`);
    }
    if (found.size > LARGEST_FILE) throw tooLarge(source);
    const whole = new Uint8Array(found.size + ALIGNMENT - 1);
    let size = 0;
    while (size < found.size) {
      const { bytesRead } = await file.read(whole, size, Math.min(CHUNK, found.size - size), size);
      // It became shorter meanwhile.
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    return { bytes: whole.subarray(0, size), room: ALIGNMENT - 1 };
  } finally {
    await file.close();
  }
}

function tooLarge(source: string): InputError {
  return new InputError(
    'UNSUPPORTED',
    `${source} is larger than 2 GiB, where ONNX files end: keep its weights as external data`,
  );
}
