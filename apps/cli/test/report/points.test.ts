import { expect, test } from 'vitest';
import { paretoFront, sweepPoints } from '../../src/report/points.js';
import { sampleResults } from './sample-results.js';

test('points are means over the seeds', () => {
  const results = sampleResults();
  const points = sweepPoints(results);
  expect(points).toHaveLength(results.rows.length / 2);
  expect(points[0]).toMatchObject({
    method: 'kmeans (lloyd)',
    ratio: 0.5,
    seeds: 2,
    speedup: 1.5,
    latencyMs: 2,
  });
  expect(points[0]!.top1).toBeCloseTo(0.605, 12);
  expect(points[0]!.layers).toEqual([
    { name: 'fc6', relativeError: 0.5 },
    { name: 'fc7', relativeError: 0.6 },
  ]);
});

test('what a sweep did not measure is undefined', () => {
  const results = sampleResults();
  const rows = results.rows.map(({ bytes, latency, layers, ...row }) => row);
  expect(sweepPoints({ rows })[0]).toMatchObject({ bytes: undefined, latencyMs: undefined, layers: [] });
});

test('the Pareto front has what no other point beats', () => {
  const points = [
    { cost: 3, top1: 0.8 },
    { cost: 1, top1: 0.5 },
    { cost: 2, top1: 0.5 },
    { cost: 4, top1: 0.7 },
    { cost: 3, top1: 0.6 },
    { cost: 5, top1: 0.9 },
  ];
  expect(paretoFront(points, ({ cost }) => cost)).toEqual([points[1], points[0], points[5]]);
});
