import type { SweepResults } from '@spherize/core/sweep';
import type { TopLevelSpec } from 'vega-lite';
import { axis, HIDDEN, methodChannels, methodsOf, SHOWN, tooltip } from '../report/channels.js';
import { sparsityName, sweepPoints } from '../report/points.js';

/** The figure of a sweep as a Vega-Lite specification: accuracy over column reduction ratio, one panel per sparsity. */
export function accuracySpecification(results: SweepResults, columns = 3): TopLevelSpec {
  const points = sweepPoints(results);
  const values: Record<string, unknown>[] = points.map(({ layers, sparsity, top1, top5, ...rest }) => ({
    ...rest,
    sparsity: sparsityName(sparsity),
    top1: 100 * top1,
    top5: 100 * top5,
  }));
  // Every line starts from the model that is pruned but not clustered.
  for (const { sparsity, top1, top5, parameters, bytes } of results.pruned) {
    const methods = new Set(
      points.filter((point) => point.sparsity === sparsity).map(({ method }) => method),
    );
    for (const method of methods) {
      values.push({
        method,
        sparsity: sparsityName(sparsity),
        ratio: 0,
        top1: 100 * top1,
        top5: 100 * top5,
        parameters,
        bytes,
        relativeError: 0,
      });
    }
  }
  const panels = [...new Set(points.map(({ sparsity }) => sparsityName(sparsity)))];
  const uncompressed = (100 * results.baseline.top1).toFixed(1);
  const { color, shape } = methodChannels(methodsOf(results));
  const x = axis('ratio', 'column reduction ratio ρ', { domain: [0, 1] });
  const y = axis('top1', 'top-1 accuracy (%)', { domain: [0, 100] });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    ...HIDDEN,
    title: {
      text: 'Accuracy over column reduction ratio',
      subtitle: `${results.model} on ${results.samples} samples of ${results.data}; dashed: uncompressed, ${uncompressed} %`,
      anchor: 'start',
    },
    data: { values },
    facet: { field: 'sparsity', type: 'nominal', title: 'sparsity', sort: panels },
    columns,
    spec: {
      width: 260,
      height: 240,
      transform: [SHOWN],
      layer: [
        {
          mark: { type: 'rule', strokeDash: [4, 4], color: '#888', aria: false },
          encoding: { y: { datum: 100 * results.baseline.top1 } },
        },
        { mark: { type: 'line', aria: false }, encoding: { x, y, color } },
        {
          mark: { type: 'point', filled: true, size: 60, opacity: 1 },
          encoding: { x, y, color, shape, tooltip: tooltip(results) },
        },
      ],
    },
  };
}

/** Of a figure that stands alone. */
const CONFIG = { background: 'white', legend: { orient: 'bottom', labelLimit: 0, columns: 2 } } as const;

/** Draws a Vega-Lite specification. The libraries are loaded here, so that only plots pay for them. */
export async function renderSvg(specification: TopLevelSpec): Promise<string> {
  const [{ compile }, { View, parse }] = await Promise.all([import('vega-lite'), import('vega')]);
  const view = new View(parse(compile(specification, { config: CONFIG }).spec), {
    renderer: 'none',
  });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
