/** The worker: one model at a time, and one request after the other. What is cancelled ends with the worker. */
import { InputError, type Progress } from '@spherize/core';
import { ProofError } from '@spherize/core/proof';
import type { Answered, Request } from '../protocol.js';
import { type Compressed, compress } from './compress.js';
import { factsOf } from './facts.js';
import { measure } from './measure.js';
import { type OpenModel, openModel } from './open-model.js';
import { tryPicture } from './try-picture.js';

let opened: OpenModel | undefined;
let compressed: Compressed | undefined;

addEventListener('message', async ({ data: { id, ...request } }: MessageEvent<Request & { id: number }>) => {
  const answer = (answered: Answered, transfer: Transferable[] = []): void =>
    postMessage(answered, { transfer });
  const onProgress = ({ phase, share, done, total, layer }: Progress): void =>
    answer({ id, step: { phase, share: share ?? (total ? done / total : undefined), layer } });
  try {
    const result = await follow(request as Request, onProgress);
    answer({ id, result }, 'file' in result ? [result.file.bytes.buffer] : []);
  } catch (error) {
    const wrong = error instanceof InputError || error instanceof ProofError;
    answer({ id, error: error instanceof Error ? error.message : String(error), wrong });
  }
});

async function follow(request: Request, onProgress: (step: Progress) => void) {
  if (request.type === 'open') {
    onProgress({ phase: 'reading', done: 0, total: undefined });
    compressed = undefined;
    opened = await openModel(request.files);
    return factsOf(opened);
  }
  if (request.type === 'measure') return measure(opened!, request, onProgress);
  if (request.type === 'compress') {
    compressed = undefined;
    compressed = await compress(opened!, request, onProgress);
    return compressed.result;
  }
  return tryPicture(opened!.model, compressed!.model, request);
}
