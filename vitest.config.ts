import { defineConfig } from 'vitest/config';

const QUICK = ['packages/*/test/**/*.test.ts'];
/** Tests of packages that are not quick, or need modules of their own. */
const NOT_QUICK = [
  // Run hundreds of models.
  'packages/adapters-onnx/test/operators/operators.test.ts',
  'packages/adapters-onnx/test/rewrite-equivalence.test.ts',
  'packages/adapters-onnx/test/testdata-widths.test.ts',
  // Start processes.
  'packages/adapters-tfjs/test/layers-model.test.ts',
  'packages/files/test/temporary-files.test.ts',
  // Puts another module in place of Node's.
  'packages/adapters-onnx/test/replaced-data.test.ts',
  // Looks for what other tests' imports would leave behind.
  'packages/adapters-tfjs/test/recurrent-models.test.ts',
];
/** Parts of the command, without running it. */
const PARTS = ['apps/cli/test/{data,options,plugins,report,sweep}/**/*.test.ts'];
/** What runs the command: the files share its process and what they import. */
const COMMANDS = ['apps/cli/test/commands/**/*.test.ts'];

export default defineConfig({
  test: {
    // Two native runtimes at once on a small machine are slower than one after the other.
    maxWorkers: 2,
    // Against hanging; a test that takes a tenth of it on an idle machine is too long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    projects: [
      // Without isolation what files import is loaded once for all: loading takes longer than most tests.
      { extends: true, test: { name: 'quick', include: QUICK, exclude: NOT_QUICK, isolate: false } },
      { extends: true, test: { name: 'parts', include: PARTS, isolate: false } },
      { extends: true, test: { name: 'commands', include: COMMANDS, isolate: false } },
      {
        extends: true,
        test: {
          name: 'whole',
          include: [
            ...NOT_QUICK,
            'apps/*/test/**/*.test.ts',
            'bench/*/test/**/*.test.mjs',
            'examples/*/test/**/*.test.ts',
            'scripts/test/**/*.test.mjs',
          ],
          exclude: [...PARTS, ...COMMANDS],
        },
      },
    ],
  },
});
