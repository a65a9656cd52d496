/** A BMP file of four pixels alike. */
export function greyPicture(value: number): { name: string; mimeType: string; buffer: Buffer } {
  const file = Buffer.alloc(70, value);
  file.fill(0, 0, 54);
  file.write('BM');
  file.writeUInt32LE(70, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(2, 18);
  file.writeInt32LE(2, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  return { name: 'grey.bmp', mimeType: 'image/bmp', buffer: file };
}
