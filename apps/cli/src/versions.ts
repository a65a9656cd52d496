import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { version } from './version.js';

/** The versions of all that takes part in a measurement, by name. */
export function versions(): Record<string, string> {
  const onnx = installedVersion('onnxruntime-node', '@spherize/adapters-onnx');
  return { spherize: version, node: process.versions.node, ...(onnx ? { 'onnxruntime-node': onnx } : {}) };
}

/**
 * The version of a package as another one sees it, or undefined when it is not installed.
 *
 * @param owner the package that depends on it
 */
export function installedVersion(name: string, owner: string): string | undefined {
  try {
    const require = createRequire(import.meta.resolve(owner));
    for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
      const manifest = readManifest(join(folder, 'package.json'));
      if (manifest?.name === name) return manifest.version;
      if (folder === dirname(folder)) return undefined;
    }
  } catch {
    return undefined;
  }
}

function readManifest(path: string): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
