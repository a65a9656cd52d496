/** A process that works on one case after the other, so that a crash or a hang takes nothing else with it. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkCase } from './check-case.mjs';
import { writeOnnxCase } from './onnx-case.mjs';
import * as onnxRuntime from './onnx-runtime.mjs';
import { Choices } from './random.mjs';
import { writeTfjsCase } from './tfjs-case.mjs';
import * as tfjsRuntime from './tfjs-runtime.mjs';

/** Share of the cases that are TensorFlow.js models. */
const TFJS = 0.4;

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
    const tfjs = choices.chance(TFJS);
    const { path, applied } = tfjs ? writeTfjsCase(folder, choices) : writeOnnxCase(folder, choices, cropped);
    process.send({ index, applied: [tfjs ? 'tfjs' : 'onnx', ...applied] });
    return await checkCase({ folder, path, runtime: tfjs ? tfjsRuntime : onnxRuntime, choices });
  } catch (error) {
    return { outcome: 'the fuzzer failed', detail: error.stack };
  } finally {
    if (!keep) rmSync(outer, { recursive: true, force: true });
  }
}
