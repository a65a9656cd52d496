// Who takes part, in which version, on what machine.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { runChild } from './child.mjs';

/** Versions by name; undefined for what is not installed. */
export async function versions() {
  const python = await runChild('peers.py', { versions: true }).catch(() => ({}));
  return {
    faiss: python.faiss ?? undefined,
    'scikit-learn': python.sklearn ?? undefined,
    'ml-kmeans': await packageVersion('ml-kmeans'),
    skmeans: await packageVersion('skmeans'),
    onnxruntime: await packageVersion('onnxruntime-node', '../../packages/adapters-onnx/package.json'),
    Python: python.python,
    NumPy: python.numpy,
  };
}

export function machineLine(found) {
  const peers = Object.entries(found).filter(([, version]) => version !== undefined);
  return [
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`,
    `Node ${process.versions.node}`,
    ...peers.map(([name, version]) => `${name} ${version}`),
    `load at the start ${loadavg()[0].toFixed(1)}`,
  ].join('; ');
}

async function packageVersion(name, from = './package.json') {
  try {
    const { resolve } = createRequire(new URL(from, import.meta.url));
    let folder = dirname(resolve(name));
    for (;;) {
      const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
      const found = text === undefined ? undefined : JSON.parse(text);
      if (found?.name === name) return found.version;
      if (dirname(folder) === folder) return undefined;
      folder = dirname(folder);
    }
  } catch {
    return undefined;
  }
}
