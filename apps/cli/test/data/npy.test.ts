import { describe, expect, it } from 'vitest';
import { readNpy } from '../../src/data/npy.js';
import { openDataset } from '../../src/data/open-dataset.js';
import { expectInputError, npyBytes, samplesOf, temporaryFolder, write } from './data-files.js';

const folder = temporaryFolder();
const labels = write(folder, 'y.npy', npyBytes('<i8', [2], BigInt64Array.of(3n, 0n)));
const floats = Float32Array.of(-1.5, 0, 0.1, 300, 7, 8);
const inputs = write(folder, 'x.npy', npyBytes('<f4', [2, 3], floats));

describe('readNpy', () => {
  it.each([
    { type: '|u1', body: Uint8Array.of(0, 255), data: Uint8Array.of(0, 255) },
    { type: '|i1', body: Int8Array.of(-1, 3), data: Int8Array.of(-1, 3) },
    { type: '<u2', body: Uint16Array.of(1, 65535), data: Uint16Array.of(1, 65535) },
    { type: '<i2', body: Int16Array.of(-2, 300), data: Int16Array.of(-2, 300) },
    { type: '<u4', body: Uint32Array.of(1, 4294967295), data: Uint32Array.of(1, 4294967295) },
    { type: '<i4', body: Int32Array.of(-2, 70000), data: Int32Array.of(-2, 70000) },
    { type: '<u8', body: BigUint64Array.of(1n, 2n), data: Float64Array.of(1, 2) },
    { type: '<i8', body: BigInt64Array.of(-1n, 2n), data: Float64Array.of(-1, 2) },
    { type: '<f2', body: Uint16Array.of(0x3c00, 0xb800), data: Float32Array.of(1, -0.5) },
    { type: '<f4', body: Float32Array.of(0.5, -1), data: Float32Array.of(0.5, -1) },
    { type: '<f8', body: Float64Array.of(0.1, 2), data: Float64Array.of(0.1, 2) },
  ])('reads $type', async ({ type, body, data }) => {
    const path = write(folder, `${type.slice(1)}.npy`, npyBytes(type, [2], body));
    expect(await readNpy(path)).toEqual({ path, shape: [2], data });
  });

  it('puts Fortran order into C order', async () => {
    const path = write(folder, 'fortran.npy', npyBytes('<f4', [2, 3], floats, true));
    expect(await readNpy(path)).toEqual({
      path,
      shape: [2, 3],
      data: Float32Array.of(-1.5, Math.fround(0.1), 7, 0, 300, 8),
    });
  });

  it('refuses other types and other byte orders', async () => {
    const complex = write(folder, 'complex.npy', npyBytes('<c8', [3], floats));
    await expectInputError(readNpy(complex), 'UNSUPPORTED', 'c8');
    const text = write(folder, 'text-type.npy', npyBytes('<U1', [3], Uint32Array.of(65, 66, 67)));
    await expectInputError(readNpy(text), 'UNSUPPORTED', 'U1');
    const bigEndian = write(folder, 'big-endian.npy', npyBytes('>f4', [6], floats));
    await expectInputError(readNpy(bigEndian), 'BAD_FILE', '>f4', 'little-endian');
  });

  it('names a truncated file and one that is not npy', async () => {
    const bytes = npyBytes('<f4', [2, 3], floats);
    await expectInputError(
      readNpy(write(folder, 'cut.npy', bytes.subarray(0, -4))),
      'BAD_FILE',
      '5 elements',
      '6',
    );
    await expectInputError(readNpy(write(folder, 'torn.npy', bytes.subarray(0, -1))), 'BAD_FILE', 'torn.npy');
    await expectInputError(readNpy(write(folder, 'head.npy', bytes.subarray(0, 20))), 'BAD_FILE', 'head.npy');
    await expectInputError(readNpy(write(folder, 'text.npy', Buffer.from('1,2,3'))), 'BAD_FILE', 'text.npy');
    await expectInputError(readNpy(write(folder, 'empty.npy', Buffer.alloc(0))), 'BAD_FILE', 'empty.npy');
  });
});

describe('npy:', () => {
  it('takes floats as they are, then normalises', async () => {
    const data = await openDataset(`npy:${inputs},${labels}`, { sampleShape: [3] });
    const batch = await samplesOf(data, 0, 2);
    expect(batch.shape).toEqual([2, 3]);
    expect(batch.inputs).toEqual(floats);
    expect(batch.labels).toEqual(Int32Array.of(3, 0));
    const shifted = await openDataset(`npy:${inputs},${labels}`, { mean: [1], std: [2] });
    expect((await samplesOf(shifted, 1, 1)).inputs).toEqual(Float32Array.of(149.5, 3, 3.5));
  });

  it('scales bytes to [0, 1]', async () => {
    const bytes = write(folder, 'bytes.npy', npyBytes('|u1', [2, 1, 1, 2], Uint8Array.of(0, 255, 51, 102)));
    const { inputs: values } = await samplesOf(await openDataset(`npy:${bytes},${labels}`), 0, 2);
    expect(values).toEqual(Float32Array.of(0, 1, 0.2, 0.4));
  });

  it('accepts labels in a column and labels stored as floats', async () => {
    const column = write(folder, 'column.npy', npyBytes('<f4', [2, 1], Float32Array.of(1, 9)));
    const data = await openDataset(`npy:${inputs},${column}`);
    expect((await samplesOf(data, 0, 2)).labels).toEqual(Int32Array.of(1, 9));
  });

  it.each([
    { what: 'a negative label', label: -1 },
    { what: 'a fraction', label: 0.5 },
    { what: 'a label that is not a number', label: Number.NaN },
    { what: 'a label above 32 bits', label: 2 ** 31 },
  ])('refuses $what', async ({ label }) => {
    const path = write(folder, 'bad-label.npy', npyBytes('<f8', [2], Float64Array.of(0, label)));
    await expectInputError(openDataset(`npy:${inputs},${path}`), 'BAD_FILE', 'label 1', `got ${label}`);
  });

  it('refuses one-hot labels and counts that differ', async () => {
    const oneHot = write(folder, 'one-hot.npy', npyBytes('<f4', [2, 3], floats));
    await expectInputError(openDataset(`npy:${inputs},${oneHot}`), 'BAD_FILE', 'one class index per sample');
    const three = write(folder, 'three.npy', npyBytes('|u1', [3], Uint8Array.of(1, 2, 3)));
    await expectInputError(openDataset(`npy:${inputs},${three}`), 'BAD_FILE', '3 labels', '2 samples');
  });
});
