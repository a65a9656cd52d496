/** The page of one `compress` run. */
import { basename } from 'node:path';
import { groupSkipped } from '@spherize/core';
import { targetSummary } from '../allocation/compress-to-target.js';
import {
  calibrationSummary,
  fidelitySummary,
  latencyFigures,
  leftAlone,
  type Outcome,
  sentence,
  storageOf,
  storageSummary,
} from '../compression/outcome.js';
import type { MeasuredSize } from '../compression/sizes-around.js';
import { COMPARED, comparisonRows, staticFigures } from '../footprint/static-footprint.js';
import type { Recipe } from '../recipe/recipe.js';
import { storageLines } from '../storage/storage-summary.js';
import { percent } from '../terminal/output.js';
import { errorChart } from './error-chart.js';
import { escapeHtml, type HtmlCell, htmlTable, plainTable } from './html.js';
import { chartSection, framedPage, runSection, section } from './page-frame.js';

/** What a page shows beside the outcome. */
export interface CompressionPageOptions {
  /** The same model at other sizes, see `sizesAround`. */
  readonly sizes: readonly MeasuredSize[];
  readonly recipe: Recipe;
  readonly versions: Readonly<Record<string, string>>;
}

/** @returns the page as HTML; the same outcome gives the same bytes, times apart */
export async function compressionPage(
  outcome: Outcome,
  { sizes, recipe, versions }: CompressionPageOptions,
): Promise<string> {
  const { source, fidelity, before, after, latency, reached, result } = outcome;
  const title = `${basename(source)}, compressed`;
  const chart = errorChart(outcome, sizes);
  const charts = chart === undefined ? [] : [chart];
  const closeness = [
    ...(fidelity.outputError === null ? [] : [['output error', '0 %', percent(fidelity.outputError), '–']]),
    ...(fidelity.agreement === null
      ? []
      : [['same largest score', '100 %', percent(fidelity.agreement), '–']]),
  ];
  if (outcome.accuracy)
    closeness.unshift(['top-1', percent(outcome.accuracy.before), percent(outcome.accuracy.after), '–']);
  const figures = [...staticFigures(before, after), ...latencyFigures(latency)];
  const rows = [...comparisonRows(figures), ...closeness];
  const main = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="sentence">${escapeHtml(sentence(outcome))}.</p>`,
    plainTable('The model before and after', COMPARED, rows),
    ...charts.map(chartSection),
    taken(outcome),
    layers(outcome),
    alone(outcome),
    runSection(recipe, [
      ['written', outcome.output],
      ...(reached === undefined ? [] : ([['target', targetSummary(reached)]] as const)),
      ...(outcome.reduce === 'none'
        ? []
        : ([['refit', calibrationSummary(result, outcome.reduce)]] as const)),
      ['compared', fidelitySummary(fidelity)],
      ...proofs(outcome),
      ...(outcome.model.notes ?? []).map((note): [string, string] => ['note', note]),
      ...Object.entries(versions),
      ['seconds', outcome.seconds.toFixed(1)],
    ]),
  ];
  return framedPage(title, main.filter((part) => part !== '').join('\n'), charts);
}

/** What left each width or layer, as bars. */
function taken({ result }: Outcome): string {
  if (result.reductions.length === 0) return '';
  const bar = (share: number): HtmlCell => ({
    html: `<div class="bar"><span style="width:${(100 * share).toFixed(1)}%"></span></div>`,
  });
  return section(
    'taken',
    'What was taken',
    `<p>The full part of a bar is what stays of a width, the pale part what left it: features leave whole widths (neurons), or are summed before one layer (columns).</p>\n${htmlTable(
      'Widths',
      ['width', 'what stays', 'from', 'to', 'less', 'by'],
      result.reductions.map(({ width, from, to, kind }) => [
        width,
        bar(to / from),
        String(from),
        String(to),
        percent(1 - to / from, 1),
        kind,
      ]),
      [1, 5],
    )}`,
  );
}

/** The layers whose columns were clustered, and what their refit did. */
function layers({ result }: Outcome): string {
  if (result.layers.length === 0) return '';
  const refit = result.layers.some(({ calibration }) => calibration !== undefined);
  return section(
    'layers',
    'Layers with fewer columns',
    htmlTable(
      'Relative error of the weights, ‖W − Ŵ‖ / ‖W‖, and of the outputs of each layer on inputs that its refit held back',
      [
        'layer',
        'sparsity',
        'weights',
        ...(refit ? ['outputs, clustered', 'outputs, refitted'] : []),
        'factors',
      ],
      result.layers.map(({ name, sparsity, relativeError, calibration, fold }) => [
        name,
        percent(sparsity, 1),
        relativeError.toFixed(4),
        ...(refit
          ? [
              calibration === undefined ? '–' : percent(calibration.errorBefore, 1),
              calibration === undefined || calibration.strength === null
                ? '–'
                : percent(calibration.errorAfter, 1),
            ]
          : []),
        fold.reason,
      ]),
      [refit ? 5 : 3],
    ),
  );
}

function alone(outcome: Outcome): string {
  const groups = groupSkipped(leftAlone(outcome));
  if (groups.length === 0) return '';
  return section(
    'alone',
    'What was left alone',
    htmlTable(
      'Weights that stayed as they were',
      ['what', 'parameters', 'why'],
      groups.map(({ name, parameters, reason }) => [name, parameters.toLocaleString('en-US'), reason]),
      [2],
    ),
  );
}

/** What was verified of the file, and what storing its weights cost. */
function proofs({ result }: Outcome): [string, string][] {
  const proof = result.proof!;
  const storage = storageOf(result);
  return [
    proof.deviation === null
      ? ['not verified', proof.reason]
      : [
          'verified',
          `the file computes what was planned, to ${proof.deviation.toExponential(1)} of the largest output (${proof.against})`,
        ],
    ...(storage ? ([['storage', storageSummary(storage, proof)]] as [string, string][]) : []),
    ...(result.storage ? storageLines(result.storage) : []).map((line): [string, string] => [
      'storage',
      line,
    ]),
  ];
}
