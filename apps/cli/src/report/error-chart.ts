/** The figure of a compression: the error of the outputs over the size of the file. */
import type { TopLevelSpec } from 'vega-lite';
import type { Outcome } from '../compression/outcome.js';
import type { MeasuredSize } from '../compression/sizes-around.js';
import { axis, HIDDEN } from './channels.js';
import type { Chart } from './charts.js';

const COLOUR = '#0f7fc4';
const GREY = '#888';

/** @returns undefined where the outputs could not be compared */
export function errorChart(
  { before, after, fidelity, reached }: Outcome,
  sizes: readonly MeasuredSize[],
): Chart | undefined {
  if (fidelity.outputError === null) return undefined;
  const point = (bytes: number, error: number, agreement: number | null, what: string) => ({
    megabytes: bytes / 1e6,
    error: 100 * error,
    ...(agreement !== null && { agreement: 100 * agreement }),
    what,
  });
  const original = point(before.bytes, 0, fidelity.agreement === null ? null : 1, 'the original');
  const chosen = point(after.bytes, fidelity.outputError, fidelity.agreement, 'what was written');
  const others = sizes.map(({ bytes, error, agreement, times }) =>
    point(bytes, error, agreement, `${times} × as much taken from each width`),
  );
  const values = [original, chosen, ...others].sort((a, b) => b.megabytes - a.megabytes);
  const budget = reached !== undefined && 'maxError' in reached ? reached.maxError : undefined;
  const x = axis('megabytes', 'file size (MB)', { zero: false });
  const y = axis('error', 'output error (%)', { zero: true });
  const label = (datum: object, text: string, dy: number) => ({
    data: { values: [datum] },
    mark: {
      type: 'text' as const,
      text,
      dy,
      align: 'center' as const,
      fontSize: 12,
      color: GREY,
      aria: false,
    },
    encoding: { x, y },
  });
  const specification: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    ...HIDDEN,
    width: 'container',
    height: 300,
    padding: { left: 5, right: 40, top: 20, bottom: 5 },
    layer: [
      { data: { values }, mark: { type: 'line', color: GREY, aria: false }, encoding: { x, y } },
      {
        data: { values },
        mark: { type: 'point', filled: true, color: COLOUR, opacity: 1 },
        encoding: {
          x,
          y,
          size: { condition: { test: `datum.what === '${chosen.what}'`, value: 220 }, value: 60 },
          tooltip: [
            { field: 'what', title: 'point' },
            { field: 'megabytes', title: 'file (MB)', format: '.3f' },
            { field: 'error', title: 'output error (%)', format: '.3f' },
            ...(fidelity.agreement === null
              ? []
              : [{ field: 'agreement', title: 'same largest score (%)', format: '.1f' }]),
          ],
        },
      },
      ...(budget === undefined
        ? []
        : [
            {
              data: { values: [{ error: 100 * budget }] },
              mark: { type: 'rule' as const, strokeDash: [4, 4], color: GREY, aria: false },
              encoding: { y },
            },
          ]),
      label(original, original.what, -12),
      label(chosen, chosen.what, -16),
    ],
  };
  const small =
    sizes.length === 0
      ? ''
      : ' The small points are the same model with so many times as much taken from each width, refitted and compared on the same inputs.';
  const dashed =
    budget === undefined
      ? ''
      : ` Dashed: the error that was allowed, ${100 * budget} %, on the inputs that chose the ratios.`;
  return {
    id: 'error',
    title: 'Output error over file size',
    caption: `Down and to the left is better. The error is Σ‖y − ŷ‖² / Σ‖y − ȳ‖² on ${fidelity.samples} unseen inputs (${fidelity.inputs}).${small}${dashed}`,
    specification: () => specification,
  };
}
