import { defineConfig } from 'vitest/config';

const QUICK = ['packages/*/test/**/*.test.ts'];
/** Tests of packages that are not quick: they run hundreds of models, or start processes. */
const NOT_QUICK = [
  'packages/adapters-onnx/test/operators/operators.test.ts',
  'packages/adapters-onnx/test/{rewrite-equivalence,stored-weights,widths}.test.ts',
  'packages/adapters-tfjs/test/{convolution-forms,layers-model,layers-widths,quantised-models}.test.ts',
  'packages/files/test/temporary-files.test.ts',
];
/** The command and its parts, examples and benchmarks. */
const COMMAND = [
  'apps/cli/test/**/*.test.ts',
  'bench/*/test/**/*.test.mjs',
  'examples/{clusterer,format}-*/test/**/*.test.ts',
];
/** What needs a process of its own. */
const ALONE = [
  // Puts another module in place of Node's.
  'packages/adapters-onnx/test/replaced-data.test.ts',
  // Looks for what other tests' imports would leave behind.
  'packages/adapters-tfjs/test/recurrent-models.test.ts',
  // Reads the folder tree.
  'scripts/test/architecture.test.mjs',
];
/**
 * What users get, as a whole: every block of every document is run, every package packed, installed elsewhere and tried, pages are opened in a
 * browser, the embedded AlexNet goes through everything at its real size, ONNX's own models and mutants come in, models are swept and scanned, and
 * the command is interrupted, killed and watched from outside.
 */
const ACCEPTANCE = [
  'scripts/test/{documents,release,beyond-one-machine}.test.mjs',
  'packages/adapters-onnx/test/browser/*.test.ts',
  'apps/web/test/*.test.ts',
  'packages/adapters-onnx/test/testdata-widths.test.ts',
  'apps/cli/test/acceptance/*.test.ts',
  'apps/cli/test/fuzz/*.test.ts',
  'apps/cli/test/commands/{bench,compress-report,interrupt,native-backend,privacy,program}.test.ts',
  'apps/cli/test/commands/{resume,scan,sweep,tfjs-models}.test.ts',
  'apps/cli/test/report/report-page.test.ts',
  'apps/cli/test/embedded/embedded-model.test.ts',
  'apps/cli/test/plugins/alexnet-layers-model.test.ts',
];

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
      {
        extends: true,
        test: {
          name: 'quick',
          include: QUICK,
          exclude: [...NOT_QUICK, ...ALONE, ...ACCEPTANCE],
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: 'shared', include: [...NOT_QUICK, ...COMMAND], exclude: ACCEPTANCE, isolate: false },
      },
      { extends: true, test: { name: 'alone', include: ALONE } },
      { extends: true, test: { name: 'acceptance', include: ACCEPTANCE } },
    ],
  },
});
