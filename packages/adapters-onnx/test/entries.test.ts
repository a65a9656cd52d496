/** What the built entries load: the main one nothing that only Node or only a browser has. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Imports and exports of built modules, dynamic ones too. */
const IMPORTS = /^(?:import|export)\b[^;'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm;

/** Everything outside of the workspace's packages that a built module loads, directly or not. */
function loadedBy(entry: string, seen: Set<string> = new Set()): Set<string> {
  const outside = new Set<string>();
  const walk = (url: string): void => {
    if (seen.has(url)) return;
    seen.add(url);
    for (const match of readFileSync(fileURLToPath(url), 'utf8').matchAll(IMPORTS)) {
      const name = match.slice(1).find((group) => group !== undefined)!;
      if (name.startsWith('.')) walk(new URL(name, url).href);
      else if (name === '@spherize/core' || name === '@spherize/files') walk(import.meta.resolve(name));
      else outside.add(name);
    }
  };
  walk(import.meta.resolve(entry));
  return outside;
}

const PURE = ['@bufbuild/protobuf', '@bufbuild/protobuf/wire', 'ml-matrix', 'onnx-buf'];

test('the main entry loads pure JavaScript', () => {
  expect([...loadedBy('@spherize/adapters-onnx')].sort()).toEqual(PURE);
});

test('the entry for browsers adds their onnxruntime, and nothing else', () => {
  expect([...loadedBy('@spherize/adapters-onnx/web')].sort()).toEqual(
    [...PURE, 'onnxruntime-web/wasm'].sort(),
  );
});

test('the entry for Node silences the native runtime before it loads', () => {
  const seen = new Set<string>();
  expect(loadedBy('@spherize/adapters-onnx/node', seen)).toContain('onnxruntime-node');
  const [runtime] = [...seen].filter((url) => url.endsWith('/node-runtime.js'));
  const imported = [...readFileSync(fileURLToPath(runtime!), 'utf8').matchAll(IMPORTS)];
  expect(imported.map((match) => match[1] ?? match[2])).toEqual([
    './without-telemetry.js',
    'onnxruntime-node',
  ]);
  const others = [...seen].filter((url) => url !== runtime);
  expect(
    others.filter((url) => readFileSync(fileURLToPath(url), 'utf8').includes("'onnxruntime-node'")),
  ).toEqual([]);
});
