import type { TopLevelSpec } from 'vega-lite';
import { meanOverSeeds, methodName, type SweepResults } from './results.js';

/** The figure of a sweep as a Vega-Lite specification: accuracy over column reduction ratio, one panel per sparsity. */
export function accuracySpecification(results: SweepResults): TopLevelSpec {
  const values = meanOverSeeds(results.rows).flatMap((row) => {
    const label = row.sparsity === 0 ? 'as in the model' : String(row.sparsity);
    return { method: methodName(row), sparsity: label, ratio: row.ratio, top1: 100 * row.top1 };
  });
  const uncompressed = (100 * results.baseline.top1).toFixed(1);
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    title: {
      text: 'Accuracy over column reduction ratio',
      subtitle: `${results.model} on ${results.samples} samples of ${results.data}; dashed: uncompressed, ${uncompressed} %`,
      anchor: 'start',
    },
    data: { values },
    facet: { column: { field: 'sparsity', type: 'nominal', title: 'sparsity', sort: null } },
    spec: {
      width: 260,
      height: 240,
      layer: [
        {
          mark: { type: 'rule', strokeDash: [4, 4], color: '#888' },
          encoding: { y: { datum: 100 * results.baseline.top1 } },
        },
        {
          mark: { type: 'line', point: true },
          encoding: {
            x: {
              field: 'ratio',
              type: 'quantitative',
              title: 'column reduction ratio ρ',
              scale: { domain: [0, 1] },
            },
            y: {
              field: 'top1',
              type: 'quantitative',
              title: 'top-1 accuracy (%)',
              scale: { domain: [0, 100] },
            },
            color: {
              field: 'method',
              type: 'nominal',
              title: null,
              sort: null,
              legend: { orient: 'bottom' },
            },
          },
        },
      ],
    },
  };
}

/** Draws a Vega-Lite specification. The libraries are loaded here, so that only plots pay for them. */
export async function renderSvg(specification: TopLevelSpec): Promise<string> {
  const [{ compile }, { View, parse }] = await Promise.all([import('vega-lite'), import('vega')]);
  const view = new View(parse(compile(specification).spec), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
