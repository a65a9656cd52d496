/** What every report is: one HTML file that needs nothing else, no network and no other file. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Recipe, recipeCommandLine } from '../recipe/recipe.js';
import type { Chart } from './charts.js';
import { escapeHtml, scriptJson } from './html.js';
import { STYLE } from './style.js';

/** Draws the plots in the browser; bundled when the package is built. */
const SCRIPT = new URL('../../dist/report/page.js', import.meta.url);
/** Panels per row, from a phone to a desk. */
const COLUMNS = [1, 2, 3];

/**
 * @param main the content of the page as HTML, with a place for every chart, see `chartSection`
 * @returns the page; the same input gives the same bytes
 */
export async function framedPage(title: string, main: string, charts: readonly Chart[]): Promise<string> {
  const { compile } = await import('vega-lite');
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
${main}
</main>
<script type="application/json" id="data">${scriptJson({ charts: Object.fromEntries(compiled) })}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** A part of a page under a heading. */
export function section(id: string, title: string, content: string): string {
  return `<section aria-labelledby="${id}-title">
<h2 id="${id}-title">${escapeHtml(title)}</h2>
${content}
</section>`;
}

/** The part of a page in which a chart is drawn. */
export function chartSection({ id, title, caption }: Chart): string {
  return section(
    id,
    title,
    `<figure>
<figcaption>${escapeHtml(caption)}</figcaption>
<div class="plot" id="${id}"></div>
</figure>`,
  );
}

/**
 * How a run is made again: its command, and what else is to be known about it.
 *
 * @param recipe what the run followed, or undefined when nothing recorded it
 */
export function runSection(
  recipe: Recipe | undefined,
  entries: readonly (readonly [name: string, text: string])[],
): string {
  const all = [
    ...(recipe === undefined ? [] : [['command', `<pre>${escapeHtml(recipeCommandLine(recipe))}</pre>`]]),
    ...entries.map(([name, text]) => [name, escapeHtml(text)]),
  ];
  const list = all.map(([name, value]) => `<dt>${escapeHtml(name!)}</dt><dd>${value}</dd>`).join('\n');
  return section('run', 'The run', `<dl>${list}</dl>`);
}
