// Cuts the first images and labels out of the full Fashion-MNIST training files, in IDX format again:
//
//   node models/data/extract.mjs FOLDER [COUNT]
//
// FOLDER holds train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz. The results, train-COUNT-*.gz, are
// written next to this script. Node's gzip header carries no time stamp, so the result is the same every time.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const [folder, countText = '2000'] = process.argv.slice(2);
const count = Number(countText);
if (folder === undefined || !Number.isInteger(count) || count < 1) {
  console.error('usage: node models/data/extract.mjs FOLDER [COUNT]');
  process.exit(2);
}

for (const kind of ['images-idx3-ubyte', 'labels-idx1-ubyte']) {
  const idx = gunzipSync(readFileSync(join(folder, `train-${kind}.gz`)));

  // An IDX file starts with 0, 0, the element type (8 = unsigned byte), the number of dimensions, then each
  // dimension as a big-endian uint32; the first dimension counts the items.
  const dimensions = Array.from({ length: idx[3] }, (_, i) => idx.readUInt32BE(4 + 4 * i));
  if (idx.readUInt16BE(0) !== 0 || idx[2] !== 8 || count > dimensions[0]) {
    throw new Error(`train-${kind}.gz: expected an IDX file of unsigned bytes with at least ${count} items`);
  }
  const itemSize = dimensions.slice(1).reduce((product, size) => product * size, 1);
  const headerSize = 4 + 4 * dimensions.length;
  const part = Buffer.from(idx.subarray(0, headerSize + count * itemSize));
  part.writeUInt32BE(count, 4);

  const path = join(import.meta.dirname, `train-${count}-${kind}.gz`);
  writeFileSync(path, gzipSync(part, { level: 9 }));
  console.log(`${path}: ${part.length} bytes unpacked`);
}
