/** A process that works on one case after the other, so that a crash or a hang takes nothing else with it. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkCase } from './check-case.mjs';
import { writeOnnxCase } from './onnx-case.mjs';
import * as onnxRuntime from './onnx-runtime.mjs';
import { Choices } from './random.mjs';
import { writeTfjsCase } from './tfjs-case.mjs';
import * as tfjsRuntime from './tfjs-runtime.mjs';

/** Share of the cases that are TensorFlow.js models, and of these the share that are GraphModels. */
const TFJS = 0.4;
const GRAPHS = 0.4;

let setting;

process.on('message', async (message) => {
  if (message.setting) {
    setting = {
      ...message.setting,
      cropped: message.setting.cropped && Buffer.from(message.setting.cropped, 'base64'),
    };
    process.send({ ready: true });
    return;
  }
  process.send({ index: message.index, ...(await work(message.index)) });
});

async function work(index) {
  const { seed, folder: root, keep, cropped } = setting;
  const choices = new Choices(seed, index);
  const outer = join(root, `case-${index}`);
  const folder = join(outer, 'models');
  mkdirSync(folder, { recursive: true });
  try {
    const kind = !choices.chance(TFJS) ? 'onnx' : choices.chance(GRAPHS) ? 'graph' : 'layers';
    const { path, applied } =
      kind === 'onnx' ? writeOnnxCase(folder, choices, cropped) : writeTfjsCase(folder, choices, kind);
    process.send({ index, applied: [kind, ...applied] });
    return await checkCase({ folder, path, runtime: kind === 'onnx' ? onnxRuntime : tfjsRuntime, choices });
  } catch (error) {
    return { outcome: 'the fuzzer failed', detail: error.stack };
  } finally {
    if (!keep) rmSync(outer, { recursive: true, force: true });
  }
}
