/** ONNX files as a model format. */
import { readFile } from 'node:fs/promises';
import { InputError, type Model, type ModelFormat, type ReadOptions } from '@spherize/core';
import { checkModel } from './check-model.js';
import { externalFiles, readExternalData } from './external-data.js';
import { decodeModel, OnnxModel } from './onnx-model.js';

/** Reads `*.onnx` files. Weights are viewed in the file's bytes, not copied. */
export const onnxFormat: ModelFormat = {
  name: 'onnx',
  matches: (source) => /\.onnx$/i.test(source),
  async read(
    source: string,
    { dequantize }: ReadOptions = {},
  ): Promise<{ model: Model; bytes: number; files: readonly string[] }> {
    const bytes = await readBytes(source);
    const proto = decodeModel(bytes, source);
    const external = await readExternalData(proto, source);
    checkModel(proto, source);
    return {
      model: new OnnxModel(
        proto,
        external.files.length === 0 ? { bytes, dequantize } : { external: true, dequantize },
      ),
      bytes: bytes.length + external.bytes,
      files: [source, ...external.files],
    };
  },
  async filesOf(source: string): Promise<readonly string[]> {
    return [source, ...(await externalFiles(decodeModel(await readBytes(source), source), source))];
  },
};

async function readBytes(source: string): Promise<Uint8Array> {
  try {
    return await readFile(source);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new InputError('NOT_FOUND', `there is no file ${source}`, { cause: error });
    }
    if (code === 'EISDIR') {
      throw new InputError('BAD_FILE', `${source} is not an ONNX model: it is a folder`, { cause: error });
    }
    if (code === 'ERR_FS_FILE_TOO_LARGE') {
      throw new InputError(
        'UNSUPPORTED',
        `${source} is larger than 2 GiB, where ONNX files end: keep its weights as external data`,
        { cause: error },
      );
    }
    throw error;
  }
}
