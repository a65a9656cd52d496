/** The files that the examples of READMEs and documents read: a small AlexNet of random weights, and images. */
import { mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../release/run.mjs';

/** @returns a new folder with `alexnet.onnx` and `imagenet/val/` */
export function makeFixtures(root) {
  const folder = mkdtempSync(join(tmpdir(), 'spherize-fixtures-'));
  run(process.execPath, [join(root, 'scripts/example-alexnet.mjs'), folder, '--small'], root);
  mkdirSync(join(folder, 'imagenet'));
  renameSync(join(folder, 'images'), join(folder, 'imagenet/val'));
  return folder;
}
