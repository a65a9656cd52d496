/** What the plots of a sweep have in common: how a method looks, what an axis is, what a point says. */
import type { SweepResults } from '@spherize/core/sweep';
import { sweepPoints } from './points.js';

/** Told apart by people of every colour vision (after Okabe and Ito), on white and on black. */
const PALETTE = [
  '#0f7fc4',
  '#e08a00',
  '#009e73',
  '#cc6ba5',
  '#d55e00',
  '#56b4e9',
  '#a09a00',
  '#8a63d2',
  '#7f7f7f',
];
const SHAPES = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down', 'triangle-right'];

export interface MethodMark {
  readonly method: string;
  readonly colour: string;
  readonly shape: string;
}

/** The methods of a sweep. */
export function methodsOf(results: SweepResults): string[] {
  return [...new Set(sweepPoints(results).map(({ method }) => method))];
}

/** Methods with the colour and shape that stand for each in every plot of a page. */
export function methodMarks(methods: readonly string[]): MethodMark[] {
  return methods.map((method, i) => ({
    method,
    colour: PALETTE[i % PALETTE.length]!,
    shape: SHAPES[i % SHAPES.length]!,
  }));
}

export interface MethodChannel {
  field: 'method';
  type: 'nominal';
  title: null;
  scale: { domain: string[]; range: string[] };
}

/** Colour and shape that say the method. */
export function methodChannels(methods: readonly string[]): { color: MethodChannel; shape: MethodChannel } {
  const marks = methodMarks(methods);
  const channel = (range: string[]): MethodChannel => ({
    field: 'method',
    type: 'nominal',
    title: null,
    scale: { domain: marks.map(({ method }) => method), range },
  });
  return {
    color: channel(marks.map(({ colour }) => colour)),
    shape: channel(marks.map(({ shape }) => shape)),
  };
}

export interface PositionChannel {
  field: string;
  type: 'quantitative';
  title: string;
  scale: { domain?: number[]; zero?: boolean; type?: 'sqrt' };
}

/** An axis of numbers. */
export function axis(field: string, title: string, scale: PositionChannel['scale'] = {}): PositionChannel {
  return { field, type: 'quantitative', title, scale };
}

/** A parameter that takes the methods to leave out, and the filter that leaves them out. */
export const HIDDEN: { params: { name: string; value: string[] }[] } = {
  params: [{ name: 'hidden', value: [] }],
};
export const SHOWN: { filter: string } = { filter: 'indexof(hidden, datum.method) < 0' };

export interface TooltipField {
  field: string;
  title: string;
  format?: string;
  formatType?: string;
}

/** What a point says when it is pointed at: everything that the sweep has measured. */
export function tooltip({ rows }: SweepResults): TooltipField[] {
  const size = rows.some(({ bytes }) => bytes !== undefined)
    ? [{ field: 'bytes', title: 'file (bytes)', format: ',.0f' }]
    : [];
  const time = rows.some(({ latency }) => latency)
    ? [
        { field: 'latencyMs', title: 'latency (ms)', format: '.3f' },
        { field: 'speedup', title: 'speed-up', format: '.2f' },
      ]
    : [];
  return [
    { field: 'method', title: 'method' },
    { field: 'sparsity', title: 'sparsity' },
    { field: 'ratio', title: 'ρ' },
    { field: 'top1', title: 'top-1 (%)', format: '.2f' },
    { field: 'top5', title: 'top-5 (%)', format: '.2f' },
    { field: 'parameters', title: 'parameters', format: ',.0f' },
    { field: 'relativeError', title: 'relative error', format: '.4f' },
    ...size,
    ...time,
  ];
}
