/** The plots of a report, as Vega-Lite specifications. */

import type { SweepResults } from '@spherize/core/sweep';
import type { TopLevelSpec } from 'vega-lite';
import { axis, HIDDEN, methodChannels, methodsOf, SHOWN, tooltip } from './channels.js';
import { accuracySpecification } from './plot.js';
import { paretoFront, type SweepPoint, sparsityName, sweepPoints } from './points.js';

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** What the plot shows, for those who do not see it. */
  readonly caption: string;
  /** The plot with its panels in so many columns. */
  specification(columns: number): TopLevelSpec;
}

/** All plots for which a sweep has figures. */
export function reportCharts(results: SweepResults): Chart[] {
  const points = sweepPoints(results);
  const charts: Chart[] = [
    {
      id: 'accuracy',
      title: 'Accuracy over column reduction ratio',
      caption:
        'One panel per sparsity. Every line starts at ρ = 0 with the model that is pruned and not clustered; the dashed line is the model as it came.',
      specification: (columns) => accuracySpecification(results, columns),
    },
  ];
  const { bytes: before } = results.baseline;
  if (before !== undefined && points.some(({ bytes }) => bytes !== undefined)) {
    charts.push({
      id: 'bytes',
      title: 'Accuracy against file size',
      caption:
        'Up and to the left is better. Settings on the line are the Pareto front of all methods: no other is both smaller and as accurate. The file size is computed: the model’s file, less what the missing parameters took.',
      specification: () =>
        frontSpecification(
          results,
          ({ bytes }) => (bytes === undefined ? undefined : bytes / 1e6),
          'file size (MB)',
          { cost: before / 1e6 },
        ),
    });
  }
  if (points.some(({ latencyMs }) => latencyMs !== undefined)) {
    const measured = results.rows.flatMap(({ latency }) => latency?.uncompressedMs ?? []);
    charts.push({
      id: 'latency',
      title: 'Accuracy against measured latency',
      caption:
        'Median time of one sample through everything from the first compressed layer on, measured on the machine of this run in alternation with the uncompressed model. Settings on the line are the Pareto front of all methods.',
      specification: () =>
        frontSpecification(results, ({ latencyMs }) => latencyMs, 'latency (ms)', {
          cost: measured.reduce((sum, ms) => sum + ms, 0) / measured.length,
        }),
    });
  }
  if (points.some(({ layers }) => layers.length > 0)) {
    charts.push({
      id: 'layers',
      title: 'Relative error per layer',
      caption:
        'How far the clustered weights lie from the pruned ones, ‖W − Ŵ‖ / ‖W‖ in the Frobenius norm. Dashes tell the sparsities apart.',
      specification: (columns) => layerSpecification(results, columns),
    });
  }
  return charts;
}

function frontSpecification(
  results: SweepResults,
  cost: (point: SweepPoint) => number | undefined,
  title: string,
  uncompressed: { readonly cost: number },
): TopLevelSpec {
  const points = sweepPoints(results).filter((point) => cost(point) !== undefined);
  const asValue = ({ layers, sparsity, top1, top5, ...rest }: SweepPoint) => ({
    ...rest,
    sparsity: sparsityName(sparsity),
    top1: 100 * top1,
    top5: 100 * top5,
  });
  const front = paretoFront(points, (point) => cost(point)!);
  const values = points.map((point) => ({
    ...asValue(point),
    cost: cost(point),
    front: front.includes(point),
  }));
  const { color, shape } = methodChannels(methodsOf(results));
  const x = axis('cost', title, { zero: false });
  const y = axis('top1', 'top-1 accuracy (%)', { domain: [0, 100] });
  return {
    ...HIDDEN,
    width: 'container',
    height: 300,
    layer: [
      {
        data: { values: front.map((point) => ({ cost: cost(point), top1: 100 * point.top1 })) },
        mark: { type: 'line', color: '#888', strokeWidth: 1.5, interpolate: 'step-after', aria: false },
        encoding: { x, y },
      },
      {
        data: { values },
        transform: [SHOWN],
        mark: { type: 'point', opacity: 1 },
        encoding: {
          x,
          y,
          color,
          shape,
          size: { condition: { test: 'datum.front', value: 130 }, value: 45 },
          fill: { condition: { test: 'datum.front', ...color }, value: 'transparent' },
          tooltip: tooltip(results),
        },
      },
      {
        data: { values: [{ cost: uncompressed.cost, top1: 100 * results.baseline.top1 }] },
        encoding: { x, y },
        layer: [
          { mark: { type: 'point', shape: 'cross', filled: true, size: 90, color: '#888', opacity: 1 } },
          {
            mark: {
              type: 'text',
              text: 'uncompressed',
              align: 'right',
              dx: 4,
              dy: -14,
              fontSize: 12,
              color: '#888',
            },
          },
        ],
      },
    ],
  };
}

function layerSpecification(results: SweepResults, columns: number): TopLevelSpec {
  const values = sweepPoints(results).flatMap(({ method, sparsity, ratio, layers }) =>
    layers.map(({ name, relativeError }) => ({
      method,
      sparsity: sparsityName(sparsity),
      ratio,
      layer: name,
      relativeError,
    })),
  );
  const { color, shape } = methodChannels(methodsOf(results));
  const x = axis('ratio', 'column reduction ratio ρ', { domain: [0, 1] });
  const y = axis('relativeError', 'relative error');
  const strokeDash = {
    field: 'sparsity',
    type: 'nominal',
    title: 'sparsity',
    sort: null,
    legend: null,
  } as const;
  return {
    ...HIDDEN,
    data: { values },
    facet: { field: 'layer', type: 'nominal', title: 'layer', sort: [...results.layers] },
    columns,
    spec: {
      width: 260,
      height: 200,
      transform: [SHOWN],
      layer: [
        { mark: { type: 'line', aria: false }, encoding: { x, y, color, strokeDash } },
        {
          mark: { type: 'point', filled: true, size: 45, opacity: 1 },
          encoding: {
            x,
            y,
            color,
            shape,
            tooltip: [
              { field: 'layer' },
              { field: 'method' },
              { field: 'sparsity' },
              { field: 'ratio', title: 'ρ' },
              { field: 'relativeError', title: 'relative error', format: '.4f' },
            ],
          },
        },
      ],
    },
  };
}
