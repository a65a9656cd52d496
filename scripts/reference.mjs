/**
 * Writes the reference: docs/reference/commands.md from the commands' help, docs/reference/api/ from the doc comments.
 *
 *     npm run docs
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';
import { commandReference } from './documentation/command-reference.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = process.argv[2] ?? join(root, 'docs/reference');

mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'commands.md'), commandReference());
const application = await Application.bootstrapWithPlugins({
  name: 'Spherize',
  entryPoints: [
    'packages/core/src/index.ts',
    ...['allocation', 'evaluation', 'proof', 'sweep', 'testing', 'trials'].map(
      (name) => `packages/core/src/${name}/index.ts`,
    ),
    'packages/files/src/index.ts',
    ...['index', 'node', 'web'].map((name) => `packages/adapters-onnx/src/${name}.ts`),
    'packages/adapters-tfjs/src/index.ts',
    'packages/adapters-tfjs/src/node.ts',
  ].map((path) => join(root, path)),
  tsconfig: join(root, 'scripts/documentation/tsconfig.json'),
  plugin: ['typedoc-plugin-markdown'],
  outputs: [{ name: 'markdown', path: join(out, 'api') }],
  readme: 'none',
  // `npm run check` does that.
  skipErrorChecking: true,
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  hideGenerator: true,
  logLevel: 'Warn',
});
const project = await application.convert();
if (!project) throw new Error('the doc comments could not be read');
await application.generateOutputs(project);
if (application.logger.hasErrors()) process.exitCode = 1;
