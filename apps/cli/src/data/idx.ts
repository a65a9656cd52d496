/**
 * The IDX format of the MNIST files, plain or gzipped.
 *
 * Two zero bytes, a byte for the type, a byte for the number of axes, each axis length as a big-endian 32-bit integer,
 * then the elements in row-major order, big-endian. https://yann.lecun.com/exdb/mnist/
 */
import { promisify } from 'node:util';
import { constants, gunzip } from 'node:zlib';
import { InputError } from '@spherize/core';
import { requireMemory } from '@spherize/files';
import { createArrayDataset, type NumberArray, type StoredArray } from './array-dataset.js';
import type { Dataset, DatasetOptions } from './dataset.js';
import { readInputFile } from './input-file.js';
import { elementCount, formatShape } from './sample-shape.js';

interface ElementType {
  readonly bytes: number;
  allocate(length: number): NumberArray;
  read(view: DataView, offset: number): number;
}

const ELEMENT_TYPES = new Map<number, ElementType>([
  [0x08, { bytes: 1, allocate: (n) => new Uint8Array(n), read: (view, at) => view.getUint8(at) }],
  [0x09, { bytes: 1, allocate: (n) => new Int8Array(n), read: (view, at) => view.getInt8(at) }],
  [0x0b, { bytes: 2, allocate: (n) => new Int16Array(n), read: (view, at) => view.getInt16(at) }],
  [0x0c, { bytes: 4, allocate: (n) => new Int32Array(n), read: (view, at) => view.getInt32(at) }],
  [0x0d, { bytes: 4, allocate: (n) => new Float32Array(n), read: (view, at) => view.getFloat32(at) }],
  [0x0e, { bytes: 8, allocate: (n) => new Float64Array(n), read: (view, at) => view.getFloat64(at) }],
]);

/** The largest content that is read, header included: 2 GiB, as for any other file. */
const MAX_CONTENT_BYTES = 2 ** 31;
/** Compressed bytes that surely hold a whole header, which is at most 4 + 255 · 4 bytes long. */
const HEADER_PREFIX_BYTES = 8192;
/** DEFLATE expands no byte to more than 1032. */
const PREFIX_CONTENT_BYTES = HEADER_PREFIX_BYTES * 1032;

const inflate = promisify(gunzip);

interface Header {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** The bytes of the header and of the whole content, as the header announces them. */
  readonly headerBytes: number;
  readonly contentBytes: number;
}

/**
 * Opens a pair of IDX files as a data set.
 *
 * @throws InputError when a file is missing or damaged, or the two do not belong together.
 */
export async function openIdxDataset(
  name: string,
  inputsPath: string,
  labelsPath: string,
  options: DatasetOptions,
): Promise<Dataset> {
  const [inputs, labels] = await Promise.all([readIdx(inputsPath), readIdx(labelsPath)]);
  return createArrayDataset(name, inputs, labels, options);
}

/**
 * Reads one IDX file. What the header announces is checked before anything of that size is allocated.
 *
 * @throws InputError when it is not IDX, is truncated, has bytes left over, or is above 2 GiB.
 */
export async function readIdx(path: string): Promise<StoredArray> {
  const file = await readInputFile(path);
  const gzipped = file[0] === 0x1f && file[1] === 0x8b;
  const start = gzipped ? await inflateStart(path, file) : file;
  const header = parseHeader(path, start);
  const content = gzipped ? await inflateAll(path, file, header.contentBytes) : file;
  if (content.length !== header.contentBytes) {
    const problem = content.length < header.contentBytes ? 'is truncated' : 'has bytes left over';
    throw new InputError(
      'BAD_FILE',
      `${path}: ${problem}, its header announces ${header.contentBytes} bytes for shape ${formatShape(header.shape)}, got ${content.length}; fetch it again`,
    );
  }
  return { path, shape: header.shape, data: readElements(content, header) };
}

function parseHeader(path: string, start: Buffer): Header {
  const type = ELEMENT_TYPES.get(start[2] ?? 0);
  const axes = start[3] ?? 0;
  if (start.length < 4 || start[0] !== 0 || start[1] !== 0 || type === undefined || axes === 0) {
    const found = start.subarray(0, 4).toString('hex') || 'nothing';
    throw new InputError(
      'BAD_FILE',
      `${path}: is not an IDX file, expected to start with 0000, a type 08 to 0e and the number of axes, got ${found}`,
    );
  }
  const headerBytes = 4 + axes * 4;
  if (start.length < headerBytes) {
    throw new InputError(
      'BAD_FILE',
      `${path}: is truncated inside its header of ${headerBytes} bytes; fetch it again`,
    );
  }
  const shape = Array.from({ length: axes }, (_, axis) => start.readUInt32BE(4 + axis * 4));
  const contentBytes = headerBytes + elementCount(shape) * type.bytes;
  // Negated, because the product of 0 and an overflow is not a number.
  if (!(contentBytes <= MAX_CONTENT_BYTES)) {
    throw new InputError(
      'UNSUPPORTED',
      `${path}: announces shape ${formatShape(shape)}, more than the 2 GiB that are read; check the file or split it`,
    );
  }
  requireMemory(`${path}: its shape ${formatShape(shape)}`, contentBytes, 'split it, or give fewer samples');
  return { type, shape, headerBytes, contentBytes };
}

function readElements(content: Buffer, { type, shape, headerBytes }: Header): NumberArray {
  const data = type.allocate(elementCount(shape));
  if (data instanceof Uint8Array) {
    data.set(content.subarray(headerBytes));
    return data;
  }
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  for (let i = 0; i < data.length; i++) data[i] = type.read(view, headerBytes + i * type.bytes);
  return data;
}

function inflateStart(path: string, file: Buffer): Promise<Buffer> {
  const prefix = file.subarray(0, HEADER_PREFIX_BYTES);
  // A flush instead of a finish: the prefix need not hold the end of the stream.
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: PREFIX_CONTENT_BYTES };
  return inflate(prefix, options).catch((cause) => Promise.reject(explainInflation(path, cause)));
}

function inflateAll(path: string, file: Buffer, contentBytes: number): Promise<Buffer> {
  return inflate(file, { maxOutputLength: contentBytes }).catch((cause) =>
    Promise.reject(explainInflation(path, cause)),
  );
}

function explainInflation(path: string, cause: unknown): InputError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const problem =
    code === 'ERR_BUFFER_TOO_LARGE'
      ? 'holds more bytes than its header announces'
      : code === 'Z_BUF_ERROR'
        ? 'is truncated'
        : 'is damaged';
  return new InputError('BAD_FILE', `${path}: the gzip stream ${problem}; fetch the file again`, { cause });
}
