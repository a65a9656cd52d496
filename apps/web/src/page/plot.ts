/** The curve of output error over size, with the place that is chosen and what was measured of models that were made. */
import { parse, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { type Config, compile, type TopLevelSpec } from 'vega-lite';

/** A model by its size and what it loses. */
export interface Point {
  readonly bytes: number;
  /** Relative error of the outputs. */
  readonly error: number;
}

/** An axis of numbers. */
interface Channel {
  field: string;
  type: 'quantitative';
  title: string;
  axis: { format?: string; labelExpr?: string; tickCount: number };
  scale: { type?: 'sqrt'; domain?: number[]; zero?: boolean; clamp?: boolean; nice: boolean };
}

const [LINE, CHOSEN, MADE] = ['#0f7fc4', '#e08a00', '#009e73'];
const HEIGHT = 220;
/** Errors beyond it are all as bad as saying always the same. */
const WORST = 1;

const darkScheme = matchMedia('(prefers-color-scheme: dark)');

export class Plot {
  readonly #container: HTMLElement;
  #view: View | undefined;
  #curve: readonly Point[] = [];
  #chosen: Point | undefined;
  #made: readonly Point[] = [];

  constructor(container: HTMLElement) {
    this.#container = container;
    darkScheme.addEventListener('change', () => this.#draw());
    let width = 0;
    new ResizeObserver(() => {
      if (container.clientWidth === width) return;
      width = container.clientWidth;
      this.#draw();
    }).observe(container);
  }

  show(curve: readonly Point[], made: readonly Point[]): void {
    this.#curve = curve;
    this.#made = made;
    this.#draw();
  }

  choose(point: Point): void {
    this.#chosen = point;
    this.#view?.data('chosen', rows([point])).run();
  }

  #draw(): void {
    this.#view?.finalize();
    const { clientWidth } = this.#container;
    if (clientWidth === 0 || this.#curve.length === 0) return;
    const specification = this.#specification(clientWidth);
    const { spec } = compile(specification, { config: theme(darkScheme.matches) });
    // Expressions are interpreted: the page allows no generated code.
    this.#view = new View(parse(spec, {}, { ast: true }), {
      renderer: 'svg',
      container: this.#container,
      expr: expressionInterpreter,
    } as ConstructorParameters<typeof View>[1]);
    this.#view.run();
  }

  #specification(width: number): TopLevelSpec {
    const most = Math.min(WORST, Math.max(0.01, ...this.#curve.map(({ error }) => error)));
    const x: Channel = {
      field: 'bytes',
      type: 'quantitative',
      title: 'size',
      axis: { format: '.3~s', labelExpr: "datum.label + 'B'", tickCount: 6 },
      scale: { zero: true, nice: false },
    };
    const y: Channel = {
      field: 'error',
      type: 'quantitative',
      title: 'output error (%)',
      axis: { tickCount: 5 },
      scale: { type: 'sqrt', domain: [0, 100 * most], clamp: true, nice: true },
    };
    const point = (name: string, data: readonly Point[], color: string, shape: string) => ({
      data: { name, values: rows(data) },
      mark: { type: 'point' as const, filled: true, size: 110, opacity: 1, color, shape, aria: false },
      encoding: { x, y },
    });
    return {
      width,
      height: HEIGHT,
      autosize: { type: 'fit', contains: 'padding' },
      layer: [
        {
          data: { values: rows(this.#curve) },
          mark: { type: 'line', color: LINE, strokeWidth: 2.5, aria: false },
          encoding: { x, y },
        },
        point('made', this.#made, MADE, 'diamond'),
        point('chosen', this.#chosen ? [this.#chosen] : [], CHOSEN, 'circle'),
      ],
    };
  }
}

function rows(points: readonly Point[]): { bytes: number; error: number }[] {
  return points.map(({ bytes, error }) => ({ bytes, error: 100 * error }));
}

/** What the plot is said to be in `role="img"` stands in its label: nothing inside is read out. */
function theme(dark: boolean): Config {
  const text = dark ? '#d6d8dc' : '#2b2d31';
  const line = dark ? '#565a61' : '#b9bdc4';
  return {
    aria: false,
    background: 'transparent',
    style: { 'guide-label': { fill: text }, 'guide-title': { fill: text }, cell: { stroke: line } },
    axis: { domainColor: line, tickColor: line, gridColor: dark ? '#33363b' : '#e4e6ea', aria: false },
  };
}
