/**
 * The container of a model file in a compact form that gives back every byte.
 *
 * To the container a model is a byte sequence out of which the values of float32 tensors are cut; it knows nothing
 * of ONNX. The values go into byte planes (see `value-planes.ts`), the bytes between them, the skeleton, stay as
 * they are, and everything is compressed by brotli. All numbers are little-endian uint32:
 *
 * ```
 * 'SPZ1'  CRC-32 of all that follows  size of the model file  number of tensors
 * per tensor, in ascending order:   offset in the model file  number of values  encoding
 * the skeleton, then the planes of each tensor:   size of the brotli stream  brotli stream
 * ```
 */
import { brotliCompressSync, brotliDecompressSync, constants, crc32 } from 'node:zlib';
import { InputError } from '@spherize/core';
import { decodeValues, type EncodedValues, encodeValues } from './value-planes.js';

/** The place of a float32 tensor's values, little-endian, in a model file. */
export interface TensorPayload {
  /** In bytes from the start of the file. */
  readonly offset: number;
  /** Number of values, at four bytes each. */
  readonly count: number;
}

const MAGIC = Buffer.from('SPZ1', 'latin1');
const HEADER_SIZE = 16;
const TENSOR_SIZE = 12;
/** ONNX files cannot be larger, as protobuf messages cannot. */
const MAX_MODEL_SIZE = 2 ** 31 - 1;
/** How much memory is taken at once to decompress a stream. */
const MAX_CHUNK_SIZE = 1 << 26;

/**
 * Packs a model file.
 *
 * @param payloads Where the tensors are, in any order and without overlap. A tensor with values that are not exact
 * in float16 remains in the skeleton.
 * @throws RangeError when a payload overlaps with another one or ends after the file.
 */
export function packModel(model: Uint8Array, payloads: readonly TensorPayload[]): Uint8Array {
  if (model.length > MAX_MODEL_SIZE)
    throw new RangeError(`packModel: ${model.length} bytes are more than 2 GiB`);
  const ordered = payloads.filter(({ count }) => count > 0).sort((a, b) => a.offset - b.offset);
  if (!areDisjoint(ordered, model.length))
    throw new RangeError('packModel: payloads overlap or end after the file');

  const tensors: (TensorPayload & EncodedValues)[] = [];
  for (const { offset, count } of ordered) {
    const values = encodeValues(model.subarray(offset, offset + 4 * count));
    if (values !== undefined) tensors.push({ offset, count, ...values });
  }
  const skeleton = Buffer.concat(
    gaps(tensors, model.length).map(([start, end]) => model.subarray(start, end)),
  );
  const body = Buffer.concat([
    uint32s(model.length, tensors.length),
    ...tensors.map(({ offset, count, encoding }) => uint32s(offset, count, encoding)),
    ...[skeleton, ...tensors.flatMap(({ planes }) => planes)].flatMap((plane) => {
      const stream = compress(plane);
      return [uint32s(stream.length), stream];
    }),
  ]);
  return Buffer.concat([MAGIC, uint32s(crc32(body)), body]);
}

/**
 * Unpacks a model file, byte for byte the one that was packed.
 *
 * @throws InputError (`BAD_FILE`) when the input is not a packed model, or is damaged or incomplete.
 */
export function unpackModel(packed: Uint8Array): Uint8Array {
  const input = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  if (input.length < HEADER_SIZE || !input.subarray(0, 4).equals(MAGIC))
    throw badFile('it does not start as one');
  if (crc32(input.subarray(8)) !== input.readUInt32LE(4)) throw badFile('its checksum does not match');

  const size = input.readUInt32LE(8);
  let position = HEADER_SIZE + TENSOR_SIZE * input.readUInt32LE(12);
  if (size > MAX_MODEL_SIZE || position > input.length) throw badFile('its header has impossible sizes');
  const tensors: (TensorPayload & { encoding: number })[] = [];
  for (let at = HEADER_SIZE; at < position; at += TENSOR_SIZE) {
    const [offset, count] = [input.readUInt32LE(at), input.readUInt32LE(at + 4)];
    tensors.push({ offset, count, encoding: input.readUInt32LE(at + 8) });
  }
  if (!areDisjoint(tensors, size)) throw badFile('its tensors overlap or end after the model');

  const nextPlane = (planeSize: number): Uint8Array => {
    const start = position + 4;
    const end = start <= input.length ? start + input.readUInt32LE(position) : Number.POSITIVE_INFINITY;
    if (end > input.length) throw badFile('it ends inside a stream');
    position = end;
    return decompress(input.subarray(start, end), planeSize);
  };
  const between = gaps(tensors, size);
  const skeleton = nextPlane(between.reduce((sum, [start, end]) => sum + end - start, 0));
  const model = Buffer.allocUnsafeSlow(size);
  let used = 0;
  for (const [start, end] of between) {
    model.set(skeleton.subarray(used, used + end - start), start);
    used += end - start;
  }
  for (const { offset, count, encoding } of tensors) {
    decodeValues(encoding, model.subarray(offset, offset + 4 * count), nextPlane);
  }
  if (position !== input.length) throw badFile('bytes follow its last stream');
  return model;
}

function areDisjoint(ordered: readonly TensorPayload[], size: number): boolean {
  let end = 0;
  for (const { offset, count } of ordered) {
    if (offset < end) return false;
    end = offset + 4 * count;
  }
  return end <= size;
}

/** The half-open ranges before, between and after the tensors. */
function gaps(ordered: readonly TensorPayload[], size: number): [start: number, end: number][] {
  const ends = ordered.map(({ offset, count }) => offset + 4 * count);
  return [0, ...ends].map((start, i) => [start, ordered[i]?.offset ?? size]);
}

function uint32s(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i);
  });
  return bytes;
}

function compress(plane: Uint8Array): Buffer {
  return brotliCompressSync(plane, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: plane.length,
    },
  });
}

function decompress(stream: Uint8Array, size: number): Uint8Array {
  let plane: Buffer;
  try {
    // A limit of 0 is not allowed, and one byte more than expected tells a plane that is too long.
    plane = brotliDecompressSync(stream, {
      maxOutputLength: size + 1,
      chunkSize: Math.min(Math.max(size + 1, 64), MAX_CHUNK_SIZE),
    });
  } catch (cause) {
    throw badFile('a stream cannot be decompressed', cause);
  }
  if (plane.length !== size) throw badFile(`a stream has ${plane.length} bytes, expected ${size}`);
  return plane;
}

function badFile(reason: string, cause?: unknown): InputError {
  return new InputError('BAD_FILE', `packed model: ${reason}`, cause === undefined ? {} : { cause });
}
