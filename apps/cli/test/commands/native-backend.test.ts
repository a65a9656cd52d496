/** What `doctor` says of `@tensorflow/tfjs-node`, with stand-ins of that name beside copies of the packages that look for it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { write } from '../data/data-files.js';
import { temporaryFolder } from './spawn-spherize.js';

const CLI = fileURLToPath(new URL('../..', import.meta.url));
const ADAPTER = fileURLToPath(new URL('../../../../packages/adapters-tfjs', import.meta.url));
const root = temporaryFolder();

interface Finding {
  readonly status: string;
  readonly detail: string;
  readonly remedy?: string;
}

/** Installs what is built, with this code as `@tensorflow/tfjs-node` 4.22.0, and returns what `doctor` finds of the backends. */
function doctorWith(name: string, standIn: string): { native: Finding; wasm: Finding } {
  const folder = join(root, name, 'node_modules');
  const copy = (from: string, as: string): void => {
    for (const part of ['package.json', 'bin', 'dist'])
      if (readdirSync(from).includes(part))
        cpSync(join(from, part), join(folder, as, part), { recursive: true });
    linkAll(join(from, 'node_modules'), folder);
  };
  copy(ADAPTER, '@spherize/adapters-tfjs');
  copy(CLI, 'spherize');
  mkdirSync(join(folder, '@tensorflow/tfjs-node'));
  write(
    folder,
    '@tensorflow/tfjs-node/package.json',
    Buffer.from('{"name":"@tensorflow/tfjs-node","version":"4.22.0"}'),
  );
  write(folder, '@tensorflow/tfjs-node/index.js', Buffer.from(standIn));
  const report = JSON.parse(
    String(execFileSync(process.execPath, [join(folder, 'spherize/bin/spherize.js'), 'doctor', '--json'])),
  ) as { findings: (Finding & { name: string })[] };
  const found = (label: string): Finding => report.findings.find(({ name }) => name.includes(label))!;
  return { native: found('native backend'), wasm: found('wasm backend') };
}

/** Links packages, those with a scope each by itself, but none that is there already. */
function linkAll(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from)) {
    if (entry.startsWith('.')) continue;
    if (entry.startsWith('@')) linkAll(join(from, entry), join(to, entry));
    else if (!readdirSync(to).includes(entry)) symlinkSync(realpathSync(join(from, entry)), join(to, entry));
  }
}

test('one that works runs models', () => {
  const { native, wasm } = doctorWith(
    'works',
    `const tf = require('@tensorflow/tfjs-core');
     const { MathBackendCPU } = require('@tensorflow/tfjs-backend-cpu');
     tf.copyRegisteredKernels('cpu', 'tensorflow');
     tf.registerBackend('tensorflow', () => new MathBackendCPU());`,
  );
  expect(native).toMatchObject({ status: 'ok', detail: '4.22.0, runs models as tensorflow' });
  expect(native.remedy).toBeUndefined();
  expect(wasm).toMatchObject({
    status: 'ok',
    detail: expect.stringContaining('not used: tensorflow is faster'),
  });
});

test.each([
  [
    'throws while it loads',
    "throw new Error('no libtensorflow.so.2\\nRequire stack: …');",
    'no libtensorflow.so.2',
  ],
  [
    'throws when it starts',
    `require('@tensorflow/tfjs-core').registerBackend('tensorflow', () => { throw new Error('no such device'); });`,
    'no such device',
  ],
  [
    'belongs to another TensorFlow.js',
    '',
    'it does not register with the @tensorflow/tfjs-core 4.22.0 in use',
  ],
])('one that %s is installed but not used, with the reason', (name, standIn, reason) => {
  const { native, wasm } = doctorWith(name.replaceAll(' ', '-'), standIn);
  expect(native).toEqual({
    name: 'TensorFlow.js, native backend',
    status: 'optional',
    detail: `4.22.0, installed but not used, models run on wasm (SIMD): ${reason}`,
    remedy: `npm rebuild @tensorflow/tfjs-node, or install a version for Node ${process.versions.node}`,
  });
  expect(wasm).toMatchObject({
    status: 'ok',
    detail: expect.stringMatching(/, runs models as wasm \(SIMD\)$/),
  });
});
