// Bundles what a report runs in the browser into dist/report/page.js, with the licences of what it contains.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const licence = (name) => {
  const text = readFileSync(fileURLToPath(new URL(`node_modules/${name}/LICENSE`, import.meta.url)), 'utf8');
  return `${name}\n\n${text.trim()}`.replaceAll('*/', '* /');
};
await build({
  absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
  entryPoints: ['src/report/page/page.ts'],
  outfile: 'dist/report/page.js',
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  banner: { js: `/*! This script contains:\n\n${['vega', 'vega-tooltip'].map(licence).join('\n\n')}\n*/` },
});
