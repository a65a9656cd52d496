/** A model compressed, compared with the original and encoded. */
import { compressModel, type LongRunOptions, type Model, partOf } from '@spherize/core';
import { LANES } from '@spherize/core/allocation';
import { outputFidelity, unseenInputs, wholeLatency } from '@spherize/core/evaluation';
import type { CompressRequest, CompressResult, Figures } from '../protocol.js';
import { downloadOf, type OpenModel } from './open-model.js';
import { calibrationOf, MADE_UP, MEMORY, SEED } from './settings.js';
import { webGpuLatency } from './web-gpu.js';

/** Shares of the time after which the result is compared, and timed. */
const [COMPRESSED, COMPARED] = [0.85, 0.92];

export interface Compressed {
  readonly model: Model;
  readonly result: CompressResult;
}

export async function compress(
  opened: OpenModel,
  request: CompressRequest,
  onProgress: NonNullable<LongRunOptions['onProgress']>,
): Promise<Compressed> {
  const { model, name, files, filesOf } = opened;
  const { reduce, ratios, storage, mean, std } = request;
  const enter = (phase: string, share: number) => onProgress({ phase, done: 0, total: 1, share });
  const engine = await opened.engine();
  try {
    const found = await compressModel(model, {
      reduce,
      ...(reduce !== 'none' && { ratio: new Map(ratios) }),
      ...(reduce !== 'none' && reduce !== 'columns' && { roundTo: LANES }),
      calibration: await calibrationOf(model, request, onProgress),
      storage,
      engine,
      seed: SEED,
      memory: MEMORY,
      onProgress: partOf(onProgress, MADE_UP, COMPRESSED),
    });
    enter('comparing', COMPRESSED);
    const macs = (await model.multiplyAccumulates?.()) ?? null;
    const unseen = await unseenInputs(model, macs, { seed: SEED, mean, std });
    const { outputError, agreement, samples } = await outputFidelity(model, found.model, unseen);
    enter('timing', COMPARED);
    const latency = await wholeLatency(model, found.model, SEED);
    const webGpu = opened.format === 'ONNX' ? await webGpuLatency(model, found.model) : undefined;
    enter('packing', 1);
    const smaller = filesOf(found.model);
    const result = {
      before: await figuresOf(model, files),
      after: await figuresOf(
        found.model,
        smaller.map(({ pieces }) => new Blob(pieces as Uint8Array<ArrayBuffer>[])),
      ),
      latency,
      webGpu,
      outputError,
      agreement,
      samples,
      reductions: found.reductions,
      unproved: found.proof?.deviation === null ? found.proof.reason : undefined,
      threads: opened.threads(),
      file: downloadOf(name, smaller),
    };
    return { model: found.model, result };
  } finally {
    await engine.release?.();
  }
}

async function figuresOf(model: Model, files: readonly Blob[]): Promise<Figures> {
  let gzipBytes = 0;
  for (const file of files) {
    const chunks = file.stream().pipeThrough(new CompressionStream('gzip'));
    for await (const { length } of chunks) gzipBytes += length;
  }
  return {
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    gzipBytes,
    parameters: model.parameters,
    macs: (await model.multiplyAccumulates?.()) ?? null,
  };
}
