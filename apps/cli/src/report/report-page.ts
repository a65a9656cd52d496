/** A sweep as one HTML file that needs nothing else: no network, no other file. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SweepResults } from '@spherize/core/sweep';
import { type Recipe, recipeCommandLine } from '../recipe/recipe.js';
import { megabytes, percent } from '../terminal/output.js';
import { methodMarks } from './channels.js';
import { reportCharts } from './charts.js';
import { escapeHtml, htmlTable, scriptJson } from './html.js';
import { type SweepPoint, sparsityName, sweepPoints } from './points.js';
import { STYLE } from './style.js';

/** Draws the plots in the browser; bundled when the package is built. */
const SCRIPT = new URL('../../dist/report/page.js', import.meta.url);
/** Panels per row, from a phone to a desk. */
const COLUMNS = [1, 2, 3];

/**
 * @param recipe what the run followed, or undefined when nothing recorded it
 * @returns the report as HTML; the same results give the same bytes
 */
export async function reportPage(results: SweepResults, recipe: Recipe | undefined): Promise<string> {
  const { compile } = await import('vega-lite');
  const charts = reportCharts(results);
  // The legend is part of the page, where the keyboard reaches it.
  const config = { background: 'transparent', legend: { disable: true } };
  const compiled = charts.map(({ id, specification }) => [
    id,
    COLUMNS.map((columns) => {
      const { title, ...plot } = specification(columns);
      return compile(plot as typeof plot & ReturnType<typeof specification>, { config }).spec;
    }),
  ]);
  const script = (await readFile(SCRIPT, 'utf8')).replaceAll('</script', '<\\/script');
  const hash = createHash('sha256').update(script).digest('base64');
  const title = `${results.model}: accuracy of compressed models`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(summary(results))}</p>
${legend(results)}
${charts
  .map(
    ({ id, title, caption }) => `<section aria-labelledby="${id}-title">
<h2 id="${id}-title">${escapeHtml(title)}</h2>
<figure>
<figcaption>${escapeHtml(caption)}</figcaption>
<div class="plot" id="${id}"></div>
</figure>
</section>`,
  )
  .join('\n')}
<section aria-labelledby="table-title">
<h2 id="table-title">All figures</h2>
${tables(results)}
</section>
<section aria-labelledby="run-title">
<h2 id="run-title">The run</h2>
${provenance(results, recipe)}
</section>
</main>
<script type="application/json" id="data">${scriptJson({ charts: Object.fromEntries(compiled) })}</script>
<script>${script}</script>
</body>
</html>
`;
}

function summary({ model, samples, data, layers, baseline }: SweepResults): string {
  const size = baseline.bytes === undefined ? '' : `, ${megabytes(baseline.bytes)}`;
  return (
    `${model} on ${samples} samples of ${data}; ${layers.join(', ')} compressed together. ` +
    `Uncompressed: ${percent(baseline.top1)} top-1, ${percent(baseline.top5)} top-5, ` +
    `${(baseline.parameters / 1e6).toFixed(2)} million parameters${size}.`
  );
}

function legend(results: SweepResults): string {
  const shapes: Readonly<Record<string, string>> = {
    circle: '<circle cx="7" cy="7" r="5"/>',
    square: '<rect x="2.5" y="2.5" width="9" height="9"/>',
    'triangle-up': '<path d="M7 2l5 9H2z"/>',
    'triangle-down': '<path d="M7 12l5-9H2z"/>',
    'triangle-right': '<path d="M12 7l-9 5V2z"/>',
    diamond: '<path d="M7 1l5 6-5 6-5-6z"/>',
    cross: '<path d="M5 2h4v3h3v4H9v3H5V9H2V5h3z"/>',
  };
  const buttons = methodMarks(results).map(
    ({ method, colour, shape }) =>
      `<button type="button" aria-pressed="true" data-method="${escapeHtml(method)}"><svg width="14" height="14" fill="${colour}" aria-hidden="true">${shapes[shape]}</svg>${escapeHtml(method)}</button>`,
  );
  return `<div id="legend" role="group" aria-label="Methods shown in the plots">${buttons.join('')}</div>`;
}

function tables(results: SweepResults): string {
  const points = sweepPoints(results);
  return [...new Set(points.map(({ sparsity }) => sparsity))]
    .map((sparsity) => {
      const here = points.filter((point) => point.sparsity === sparsity);
      const columns = COLUMNS_OF_TABLE.filter(({ of }) => here.some((point) => of(point) !== undefined));
      const layers = results.layers.filter((name) =>
        here.some((point) => point.layers.some((layer) => layer.name === name)),
      );
      const rows = here.map((point) => [
        point.method,
        ...columns.map(({ of }) => of(point) ?? '–'),
        ...layers.map(
          (name) => point.layers.find((layer) => layer.name === name)?.relativeError.toFixed(4) ?? '–',
        ),
      ]);
      const pruned = results.pruned.find((baseline) => baseline.sparsity === sparsity);
      const before = pruned ? `; not clustered: ${percent(pruned.top1)} top-1` : '';
      const header = [
        'method',
        ...columns.map(({ title }) => title),
        ...layers.map((name) => `error of ${name}`),
      ];
      return htmlTable(`Sparsity ${sparsityName(sparsity)}${before}`, header, rows);
    })
    .join('\n');
}

interface TableColumn {
  readonly title: string;
  /** Undefined where the sweep did not measure it. */
  readonly of: (point: SweepPoint) => string | undefined;
}

const COLUMNS_OF_TABLE: readonly TableColumn[] = [
  { title: 'ρ', of: ({ ratio }) => String(ratio) },
  { title: 'top-1', of: ({ top1 }) => percent(top1) },
  { title: 'top-5', of: ({ top5 }) => percent(top5) },
  { title: 'parameters', of: ({ parameters }) => Math.round(parameters).toLocaleString('en-US') },
  { title: 'file', of: ({ bytes }) => (bytes === undefined ? undefined : megabytes(bytes)) },
  {
    title: 'latency',
    of: ({ latencyMs }) => (latencyMs === undefined ? undefined : `${latencyMs.toFixed(3)} ms`),
  },
  { title: 'speed-up', of: ({ speedup }) => (speedup === undefined ? undefined : `${speedup.toFixed(2)}×`) },
  { title: 'relative error', of: ({ relativeError }) => relativeError?.toFixed(4) },
];

function provenance(results: SweepResults, recipe: Recipe | undefined): string {
  const seeds = [...new Set(results.rows.map(({ seed }) => seed))];
  const entries = [
    ...(recipe === undefined ? [] : [['command', `<pre>${escapeHtml(recipeCommandLine(recipe))}</pre>`]]),
    [seeds.length > 1 ? 'seeds, averaged' : 'seed', escapeHtml(seeds.join(', '))],
    ...Object.entries(results.versions ?? {}).map(([name, version]) => [name, escapeHtml(version)]),
  ];
  return `<dl>${entries.map(([name, value]) => `<dt>${escapeHtml(name!)}</dt><dd>${value}</dd>`).join('\n')}</dl>`;
}
