/** ONNX files as a model format. */
import type { Model, ModelFormat, ReadOptions } from '@spherize/core';
import { externalFiles, readExternalData } from './file/external-data.js';
import { readModel } from './file/read-model.js';
import { nodeHost } from './node-host.js';
import { openModel } from './open-model.js';

/** Reads `*.onnx` files. Weights are viewed in the file's bytes, not copied. */
export const onnxFormat: ModelFormat = {
  name: 'onnx',
  matches: (source) => /\.onnx$/i.test(source),
  async read(
    source: string,
    { dequantize }: ReadOptions = {},
  ): Promise<{ model: Model; bytes: number; files: readonly string[] }> {
    const { proto, bytes } = await readModel(source);
    const external = await readExternalData(proto, source);
    const held = external.files.length === 0 ? { proto, bytes } : { proto, external: true };
    return {
      model: openModel(held, nodeHost, source, { dequantize }),
      bytes: bytes.length + external.bytes,
      files: [source, ...external.files],
    };
  },
  async filesOf(source: string): Promise<readonly string[]> {
    return [source, ...(await externalFiles((await readModel(source)).proto, source))];
  },
};
