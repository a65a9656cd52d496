import type { TopLevelSpec } from 'vega-lite';
import { meanOverSeeds, methodName, type SweepResults } from './results.js';

/** The figure of a sweep as a Vega-Lite specification: accuracy over column reduction ratio, one panel per sparsity. */
export function accuracySpecification(results: SweepResults): TopLevelSpec {
  const means = meanOverSeeds(results.rows);
  const panel = (sparsity: number): string => (sparsity === 0 ? 'as in the model' : String(sparsity));
  const values = means.map((row) => ({
    method: methodName(row),
    sparsity: panel(row.sparsity),
    ratio: row.ratio,
    top1: 100 * row.top1,
  }));
  // Every line starts from the model that is pruned but not clustered.
  for (const { sparsity, top1 } of results.pruned) {
    const methods = new Set(means.filter((row) => row.sparsity === sparsity).map(methodName));
    for (const method of methods)
      values.push({ method, sparsity: panel(sparsity), ratio: 0, top1: 100 * top1 });
  }
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
              legend: { orient: 'bottom', labelLimit: 0 },
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
