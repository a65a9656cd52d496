/** The page of a sweep. */
import type { SweepResults } from '@spherize/core/sweep';
import { COMPARED } from '../footprint/static-footprint.js';
import type { Recipe } from '../recipe/recipe.js';
import { megabytes, percent } from '../terminal/output.js';
import { methodMarks, methodsOf } from './channels.js';
import { reportCharts } from './charts.js';
import { escapeHtml, htmlTable, plainTable } from './html.js';
import { chartSection, framedPage, runSection, section } from './page-frame.js';
import { type SweepPoint, sparsityName, sweepPoints } from './points.js';
import { beforeAndAfter, bestWithin } from './sweep-opening.js';

/** Layers whose errors stand beside each other in a table that fits a laptop. */
const LAYERS_OF_TABLE = 6;

/**
 * @param recipe what the run followed, or undefined when nothing recorded it
 * @returns the report as HTML; the same results give the same bytes
 */
export async function reportPage(results: SweepResults, recipe: Recipe | undefined): Promise<string> {
  const charts = reportCharts(results);
  const title = `${results.model}: accuracy of compressed models`;
  const seeds = [...new Set(results.rows.map(({ seed }) => seed))];
  const main = [
    `<h1>${escapeHtml(title)}</h1>`,
    opening(results),
    `<p>${escapeHtml(summary(results))}</p>`,
    legend(results),
    ...charts.map(chartSection),
    section('table', 'All figures', tables(results)),
    runSection(recipe, [
      [seeds.length > 1 ? 'seeds, averaged' : 'seed', seeds.join(', ')],
      ...Object.entries(results.versions ?? {}),
    ]),
  ];
  return framedPage(title, main.filter((part) => part !== '').join('\n'), charts);
}

/** The sentence, and the table of the setting that it is about. */
function opening(results: SweepResults): string {
  const best = bestWithin(results);
  if (best === undefined) return '';
  return `<p class="sentence">${escapeHtml(best.sentence)}</p>\n${plainTable('The model, and that setting', COMPARED, beforeAndAfter(results, best.point))}`;
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
  const buttons = methodMarks(methodsOf(results)).map(
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
      const rows = here.map((point) => [point.method, ...columns.map(({ of }) => of(point) ?? '–')]);
      const pruned = results.pruned.find((baseline) => baseline.sparsity === sparsity);
      const before = pruned ? `; not clustered: ${percent(pruned.top1)} top-1` : '';
      const header = ['method', ...columns.map(({ title }) => title)];
      return [
        htmlTable(`Sparsity ${sparsityName(sparsity)}${before}`, header, rows),
        ...layerTables(results.layers, sparsity, here),
      ].join('\n');
    })
    .join('\n');
}

/** The errors of single layers, a few layers a table. */
function layerTables(names: readonly string[], sparsity: number, points: readonly SweepPoint[]): string[] {
  const layers = names.filter((name) =>
    points.some((point) => point.layers.some((layer) => layer.name === name)),
  );
  return Array.from({ length: Math.ceil(layers.length / LAYERS_OF_TABLE) }, (_, part) => {
    const own = layers.slice(part * LAYERS_OF_TABLE, (part + 1) * LAYERS_OF_TABLE);
    const rows = points
      .filter((point) => point.layers.length > 0)
      .map((point) => [
        point.method,
        String(point.ratio),
        ...own.map(
          (name) => point.layers.find((layer) => layer.name === name)?.relativeError.toFixed(4) ?? '–',
        ),
      ]);
    return htmlTable(
      `Sparsity ${sparsityName(sparsity)}: relative error of each layer`,
      ['method', 'ρ', ...own],
      rows,
    );
  });
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
