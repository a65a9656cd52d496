/** What is known, in tables and sentences. */
import type { ComparedLatency } from '@spherize/core/evaluation';
import type { Answer, CompressResult, ModelFacts, TryResult } from '../protocol.js';
import { element, fillList, fillTable } from './element.js';
import { bytes, count, milliseconds, percent, times } from './text.js';

export function showFacts(facts: ModelFacts): void {
  const { name, format, parameters, macs, widths, narrower, layers, notes, image } = facts;
  fillList(element('facts'), [
    ['file', `${name}: ${format}, ${bytes(facts.bytes)}`],
    ['inputs', facts.inputs.join('; ')],
    ['outputs', facts.outputs.join('; ')],
    ['parameters', count(parameters)],
    ['multiply-accumulates', macs === null ? 'unknown' : `${count(macs)} per sample`],
    [
      'can lose',
      `${narrower === 0 ? 'no width' : `features of ${narrower} of ${widths} widths`}; columns of ${layers} ${layers === 1 ? 'layer' : 'layers'}`,
    ],
    ...notes.map((note) => ['note', note] as const),
  ]);
  element('memory').textContent = `Takes about ${bytes(facts.memory)} of memory.`;
  if (image !== undefined) element('try-size').textContent = `${image.width} × ${image.height}`;
}

export function showResult({ bytes: original }: ModelFacts, result: CompressResult): void {
  const { before, after, latency, webGpu, outputError, agreement, samples, reductions, unproved, threads } =
    result;
  element('sentence').textContent = sentence(result, original);
  const row = (name: string, from: number | null, to: number | null, text: (value: number) => string) => [
    name,
    from === null ? '–' : text(from),
    to === null ? '–' : text(to),
    from === null || to === null ? '' : times(from, to),
  ];
  const timed = (name: string, both: ComparedLatency | undefined) =>
    row(name, both?.before.median ?? null, both?.after.median ?? null, milliseconds);
  fillTable(
    element('figures'),
    'Before and after',
    ['', 'before', 'after', 'less'],
    [
      row('size', before.bytes, after.bytes, bytes),
      row('size, gzip', before.gzipBytes, after.gzipBytes, bytes),
      row('parameters', before.parameters, after.parameters, count),
      row('multiply-accumulates', before.macs, after.macs, count),
      timed('one run here, median', latency),
      ...(webGpu === undefined ? [] : [timed('one run on WebGPU, median', webGpu)]),
      ['output error', '', outputError === null ? '–' : percent(outputError), ''],
      ['same answer', '', agreement === null ? '–' : percent(agreement), ''],
    ],
  );
  const inTurns =
    latency === undefined
      ? ''
      : ` Timed in turns, ${latency.runs} runs each, ${threads === 1 ? 'on one thread' : `on ${threads} threads`}.`;
  const compared =
    samples === 0
      ? 'Not compared: the model does not run on inputs that are made up.'
      : `Compared on ${samples} inputs that no refit has seen.`;
  element('measured').textContent = `${compared}${inTurns}${unproved ? ` Not verified: ${unproved}.` : ''}`;
  fillTable(
    element('reductions'),
    'Features of widths, or columns of layers',
    ['width', 'before', 'after', 'by'],
    reductions.map(({ width, from, to, kind }) => [width, count(from), count(to), to < from ? kind : '–']),
  );
}

function sentence({ after, outputError, agreement }: CompressResult, original: number): string {
  const size =
    after.bytes < original
      ? `${bytes(original)} → ${bytes(after.bytes)}`
      : `${bytes(after.bytes)}, no smaller than it was`;
  if (agreement !== null) return `${size}, the same answer on ${percent(agreement)} of unseen inputs`;
  return outputError === null ? size : `${size}, outputs change by ${percent(outputError)}`;
}

export function showAnswers({ before, after }: TryResult): void {
  const scoreOf = (value: number) => value.toFixed(3);
  const cells = ({ scores }: Answer, i: number): string[] => {
    const [label, score] = scores[i] ?? ['', undefined];
    return [label, score === undefined ? '' : scoreOf(score)];
  };
  fillTable(
    element('scores'),
    'The largest scores',
    ['', 'original', 'score', 'smaller', 'score'],
    before.scores.map((_, i) => [`${i + 1}`, ...cells(before, i), ...cells(after, i)]),
  );
  element('answers').hidden = false;
}
