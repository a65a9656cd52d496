/** ONNX files as a model format. */
import type { Model, ModelFormat, ReadOptions } from '@spherize/core';
import { checkModel } from './check-model.js';
import { externalFiles, readExternalData } from './external-data.js';
import { sortedModel } from './node-order.js';
import { OnnxModel } from './onnx-model.js';
import { readModel } from './read-model.js';

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
    checkModel(proto, source);
    return {
      model: new OnnxModel(
        sortedModel(proto),
        external.files.length === 0 ? { bytes, dequantize } : { external: true, dequantize },
      ),
      bytes: bytes.length + external.bytes,
      files: [source, ...external.files],
    };
  },
  async filesOf(source: string): Promise<readonly string[]> {
    return [source, ...(await externalFiles((await readModel(source)).proto, source))];
  },
};
