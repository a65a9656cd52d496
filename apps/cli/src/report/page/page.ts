/** Runs in the reader's browser: draws the plots in the theme and width of the page, and switches methods on and off. */
import { type Config, parse, type Spec, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { Handler } from 'vega-tooltip';

interface PageData {
  /** By the id of a plot's element: the plot with 1, 2 and 3 panels per row. */
  readonly charts: Readonly<Record<string, readonly Spec[]>>;
}

const MARGIN = 70;
const PANEL = 300;

const data: PageData = JSON.parse(document.getElementById('data')!.textContent!);
const darkScheme = matchMedia('(prefers-color-scheme: dark)');
const hidden = new Set<string>();
let views: View[] = [];

function theme(dark: boolean): Config {
  const text = dark ? '#d6d8dc' : '#2b2d31';
  const line = dark ? '#565a61' : '#b9bdc4';
  return {
    background: 'transparent',
    title: { color: text, subtitleColor: text },
    style: { 'guide-label': { fill: text }, 'guide-title': { fill: text }, cell: { stroke: line } },
    axis: { domainColor: line, tickColor: line, gridColor: dark ? '#33363b' : '#e4e6ea' },
  };
}

function draw(dark: boolean): void {
  for (const view of views) view.finalize();
  views = Object.entries(data.charts).map(([id, specifications]) => {
    const container = document.getElementById(id)!;
    const columns = Math.floor((container.clientWidth - MARGIN / 2) / PANEL);
    const specification = specifications[Math.min(Math.max(columns, 1), specifications.length) - 1]!;
    container.replaceChildren();
    // Expressions are interpreted: the page allows no generated code.
    const view = new View(parse(specification, theme(dark), { ast: true }), {
      renderer: 'svg',
      container,
      hover: true,
      expr: expressionInterpreter,
      tooltip: new Handler({ theme: dark ? 'dark' : 'light', disableDefaultStyle: true }).call,
    } as ConstructorParameters<typeof View>[1]);
    view.signal('hidden', [...hidden]).run();
    return view;
  });
}

function toggle(button: HTMLButtonElement): void {
  const method = button.dataset.method!;
  const shown = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(shown));
  if (shown) hidden.delete(method);
  else hidden.add(method);
  for (const view of views) view.signal('hidden', [...hidden]).run();
}

for (const button of document.querySelectorAll<HTMLButtonElement>('#legend button'))
  button.addEventListener('click', () => toggle(button));
darkScheme.addEventListener('change', () => draw(darkScheme.matches));
addEventListener('beforeprint', () => draw(false));
addEventListener('afterprint', () => draw(darkScheme.matches));
let width = innerWidth;
addEventListener('resize', () => {
  if (innerWidth === width) return;
  width = innerWidth;
  draw(darkScheme.matches);
});
draw(darkScheme.matches);
