/** The README's code runs as it stands, against the source. */
import ts from 'typescript';
import { expect, test } from 'vitest';
import readme from '../README.md?raw';
import * as core from '../src/index.js';
import * as testing from '../src/testing/index.js';

const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);

/** Runs a block with its imports taken from `modules`; returns what it exports. */
async function runBlock(
  code: string,
  modules: Record<string, object>,
  log: (...values: unknown[]) => void = () => {},
): Promise<Record<string, unknown>> {
  const { module, target } = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
  const script = ts
    .transpileModule(code, { compilerOptions: { module, target } })
    .outputText.replace(/import (\{.*?\}) from '(.*?)';/gs, "const $1 = modules['$2'];")
    .replace(/export const (\w+) =/g, 'const $1 = exported.$1 =');
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
  const exported: Record<string, unknown> = {};
  await new AsyncFunction('modules', 'exported', 'console', script)(modules, exported, { log });
  return exported;
}

test('the example compresses its matrix as its comments say', async () => {
  const lines: unknown[][] = [];
  await runBlock(blocks[0]!, { '@spherize/core': core }, (...values) => lines.push(values));
  const [[assignment, scales], shape, [error]] = lines as [[Int32Array, Float32Array], number[], [number]];
  expect(assignment[0]).toBe(assignment[2]);
  expect(assignment[1]).toBe(assignment[3]);
  expect(assignment[0]).not.toBe(assignment[1]);
  expect([...scales]).toEqual([5, 5, 10, Math.fround(Math.hypot(1, 9))]);
  expect(shape).toEqual([2, 2]);
  expect(error).toBeCloseTo(0.04, 2);
});

test('the clusterer keeps the contract, checked as the README shows', async () => {
  const clusterer = await runBlock(blocks[1]!, { '@spherize/core': core });
  const checks: (() => Promise<void>)[] = [];
  await runBlock(blocks[2]!, {
    'node:test': { test: (_name: string, run: () => Promise<void>) => checks.push(run) },
    '@spherize/core/testing': testing,
    './by-norm.js': clusterer,
  });
  expect(checks.length).toBeGreaterThan(15);
  for (const run of checks) await run();
});

test('there is no other code', () => {
  expect(blocks).toHaveLength(3);
});

test('every name that it mentions is exported', () => {
  const mentioned = [...readme.matchAll(/^\| (`\w+`(?:, `\w+`)*) /gm)].flatMap(([, names]) =>
    names!.split(', ').map((name) => name.replaceAll('`', '')),
  );
  const fields = ['assignment', 'scales', 'coefficients', 'objective', 'iterations', 'k'];
  const names = mentioned.filter((name) => !fields.includes(name));
  expect(names).toHaveLength(17);
  for (const name of names) expect(Object.keys(core)).toContain(name);
  for (const name of ['clustererContract', 'matrixEngineContract', 'modelFormatContract']) {
    expect(readme).toContain(`${name}(`);
    expect(Object.keys(testing)).toContain(name);
  }
});
