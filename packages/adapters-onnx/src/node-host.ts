/** Models in Node: files, and the native onnxruntime. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@spherize/files';
import { writeAsOneFile, writeWithExternalData } from './file/write-model.js';
import type { OnnxHost } from './host.js';
import { encodedModel, needsExternalData } from './proto/encode-model.js';
import { onnxEngine } from './runtime/matrix-engine.js';
import * as native from './runtime/node-runtime.js';
import { startSession } from './runtime/session.js';

/** Models of more bytes than this reach the runtime as files: encoded in memory, their weights would be held three times. */
const LARGEST_IN_MEMORY = 2 ** 24;

export const nodeHost: OnnxHost = {
  /** The weights of a large model go through a folder for temporary files, from where the runtime maps them; it is removed with the session. */
  async start({ proto, bytes }, choice) {
    const { initializer = [] } = proto.graph ?? {};
    const size = initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
    if (size <= LARGEST_IN_MEMORY) return startSession(native, bytes ?? encodedModel(proto), choice);
    const folder = await temporaryFolder('spherize-session-');
    const remove = () => rm(folder, { recursive: true, force: true });
    try {
      const path = join(folder, 'model.onnx');
      await writeWithExternalData(proto, path, { durable: false });
      const session = await startSession(native, path, choice);
      return {
        run: session.run,
        release: async () => {
          await session.release();
          await remove();
        },
      };
    } catch (error) {
      await remove();
      throw error;
    }
  },
  async engine() {
    return onnxEngine(native);
  },
  async write({ proto, bytes, external }, target) {
    if (external || needsExternalData(proto)) return writeWithExternalData(proto, target);
    return writeAsOneFile(bytes ?? proto, target);
  },
};
