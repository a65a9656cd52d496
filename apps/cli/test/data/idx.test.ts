import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readIdx } from '../../src/data/idx.js';
import { openDataset } from '../../src/data/open-dataset.js';
import { expectInputError, idxBytes, samplesOf, temporaryFolder, write } from './data-files.js';

const folder = temporaryFolder();
const pixels = Uint8Array.from({ length: 3 * 2 * 2 }, (_, i) => i * 20);
const images = write(folder, 'images', idxBytes([3, 2, 2], pixels));
const labels = write(folder, 'labels', idxBytes([3], [7, 0, 255]));

function swapped(
  values: readonly number[],
  bytes: 2 | 4 | 8,
  put: 'Int16BE' | 'Int32BE' | 'FloatBE' | 'DoubleBE',
) {
  const body = Buffer.alloc(values.length * bytes);
  for (const [i, value] of values.entries()) body[`write${put}`](value, i * bytes);
  return body;
}

describe('readIdx', () => {
  it.each([
    { type: 0x08, body: Uint8Array.of(0, 255), data: Uint8Array.of(0, 255) },
    { type: 0x09, body: Uint8Array.of(255, 3), data: Int8Array.of(-1, 3) },
    { type: 0x0b, body: swapped([-2, 300], 2, 'Int16BE'), data: Int16Array.of(-2, 300) },
    { type: 0x0c, body: swapped([-2, 70000], 4, 'Int32BE'), data: Int32Array.of(-2, 70000) },
    { type: 0x0d, body: swapped([0.5, -1], 4, 'FloatBE'), data: Float32Array.of(0.5, -1) },
    { type: 0x0e, body: swapped([0.1, 2], 8, 'DoubleBE'), data: Float64Array.of(0.1, 2) },
  ])('reads type $type', async ({ type, body, data }) => {
    const path = write(folder, `type-${type}`, idxBytes([2], body, type));
    expect(await readIdx(path)).toEqual({ path, shape: [2], data });
  });

  it('reads gzip, whatever the name', async () => {
    const path = write(folder, 'images-packed', gzipSync(idxBytes([3, 2, 2], pixels)));
    expect(await readIdx(path)).toEqual({ path, shape: [3, 2, 2], data: pixels });
  });

  it('names a file that is not IDX', async () => {
    const text = write(folder, 'text', Buffer.from('label,pixel1'));
    await expectInputError(readIdx(text), 'BAD_FILE', text, 'not an IDX file', '6c616265');
    await expectInputError(readIdx(write(folder, 'empty', Buffer.alloc(0))), 'BAD_FILE', 'got nothing');
    await expectInputError(
      readIdx(write(folder, 'type', idxBytes([1], [1], 0x0a))),
      'BAD_FILE',
      'not an IDX file',
    );
    await expectInputError(readIdx(write(folder, 'packed', gzipSync('text'))), 'BAD_FILE', 'not an IDX file');
  });

  it('names a truncated file, plain or gzipped, and one with bytes left over', async () => {
    const bytes = idxBytes([3, 2, 2], pixels);
    await expectInputError(
      readIdx(write(folder, 'cut', bytes.subarray(0, -1))),
      'BAD_FILE',
      'truncated',
      '28',
      '27',
    );
    await expectInputError(readIdx(write(folder, 'cut-header', bytes.subarray(0, 9))), 'BAD_FILE', 'header');
    const packed = gzipSync(bytes);
    await expectInputError(readIdx(write(folder, 'cut.gz', packed.subarray(0, -9))), 'BAD_FILE', 'truncated');
    await expectInputError(
      readIdx(write(folder, 'short.gz', gzipSync(bytes.subarray(0, -1)))),
      'BAD_FILE',
      'truncated',
    );
    await expectInputError(
      readIdx(write(folder, 'long', Buffer.concat([bytes, bytes]))),
      'BAD_FILE',
      'left over',
    );
    const long = write(folder, 'long.gz', gzipSync(Buffer.concat([bytes, bytes])));
    await expectInputError(readIdx(long), 'BAD_FILE', 'more bytes than its header');
    packed[15] = packed[15]! ^ 0xff;
    await expectInputError(readIdx(write(folder, 'damaged.gz', packed)), 'BAD_FILE', 'gzip');
  });

  it('refuses what a header announces before allocating it', async () => {
    const huge = idxBytes([0xffffffff, 0xffffffff], []);
    await expectInputError(readIdx(write(folder, 'huge', huge)), 'UNSUPPORTED', '4294967295');
    await expectInputError(readIdx(write(folder, 'huge.gz', gzipSync(huge))), 'UNSUPPORTED', '2 GiB');
    const overflowing = idxBytes([...Array(60).fill(0xffffffff), 0], []);
    await expectInputError(readIdx(write(folder, 'overflowing', overflowing)), 'UNSUPPORTED', '2 GiB');
  });

  it('does not inflate a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.concat([idxBytes([1], [1]), Buffer.alloc(50_000_000)]));
    await expectInputError(readIdx(write(folder, 'bomb.gz', bomb)), 'BAD_FILE', 'more bytes than its header');
  });
});

describe('idx:', () => {
  it('gives images of one channel scaled to [0, 1]', async () => {
    const data = await openDataset(`idx:${images},${labels}`, { sampleShape: [1, 2, 2] });
    expect(data).toMatchObject({ name: `idx:${images},${labels}`, samples: 3 });
    const batch = await samplesOf(data, 1, 2);
    expect(batch.shape).toEqual([2, 1, 2, 2]);
    expect(batch.inputs).toEqual(Float32Array.from(pixels.subarray(4), (value) => value / 255));
    expect(batch.labels).toEqual(Int32Array.of(0, 255));
  });

  it('refuses files that do not belong together or are missing', async () => {
    const two = write(folder, 'two', idxBytes([2], [1, 2]));
    await expectInputError(openDataset(`idx:${images},${two}`), 'BAD_FILE', two, '2 labels', '3 samples');
    await expectInputError(openDataset(`idx:${images},${images}`), 'BAD_FILE', 'class index', '[3, 2, 2]');
    await expectInputError(openDataset(`idx:${labels},${labels}`), 'BAD_FILE', 'at least one sample', '[3]');
    await expectInputError(openDataset(`idx:${images},${folder}/none`), 'NOT_FOUND', 'none');
    await expectInputError(openDataset(`idx:${images},${folder}`), 'BAD_ARGUMENT', 'expected a file');
    const negative = write(folder, 'negative', idxBytes([3], [1, 255, 2], 0x09));
    await expectInputError(openDataset(`idx:${images},${negative}`), 'BAD_FILE', 'label 1', 'got -1');
    const none = write(folder, 'no-images', idxBytes([0, 2, 2], []));
    const noLabels = write(folder, 'no-labels', idxBytes([0], []));
    await expectInputError(openDataset(`idx:${none},${noLabels}`), 'BAD_FILE', 'at least one sample');
  });
});
