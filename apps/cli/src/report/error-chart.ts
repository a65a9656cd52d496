/** The figure of a compression: the error of the outputs over the size of the file, by every method that the model has something for. */
import type { TopLevelSpec } from 'vega-lite';
import type { Outcome } from '../compression/outcome.js';
import type { MeasuredSize } from '../compression/sizes-around.js';
import { axis, HIDDEN, methodChannels } from './channels.js';
import type { Chart } from './charts.js';

const GREY = '#888';

/** What a line of the figure is called. */
const METHODS = {
  neurons: 'neurons',
  columns: 'columns',
  auto: 'neurons or columns',
  both: 'neurons and columns',
  none: 'storage',
} as const;

/** @returns undefined where the outputs could not be compared */
export function errorChart(
  { before, after, fidelity, reached, reduce }: Outcome,
  sizes: readonly MeasuredSize[],
): Chart | undefined {
  if (fidelity.outputError === null) return undefined;
  const point = (
    method: string,
    { bytes, error, agreement }: Pick<MeasuredSize, 'bytes' | 'error' | 'agreement'>,
    what: string,
  ) => ({
    method,
    megabytes: bytes / 1e6,
    error: 100 * error,
    ...(agreement !== null && { agreement: 100 * agreement }),
    what,
  });
  const whole = { bytes: before.bytes, error: 0, agreement: fidelity.agreement === null ? null : 1 };
  const { outputError: error, agreement } = fidelity;
  const original = point(METHODS[reduce], whole, 'the original');
  const chosen = point(METHODS[reduce], { bytes: after.bytes, error, agreement }, 'what was written');
  const others = sizes.map((size) =>
    point(
      METHODS[size.reduce],
      size,
      size.reduce === reduce
        ? `${size.times} × as much taken`
        : `${METHODS[size.reduce]}, ${size.times} × as much taken`,
    ),
  );
  const methods = [...new Set([original, ...others].map(({ method }) => method))];
  const starts = methods.slice(1).map((method) => point(method, whole, original.what));
  const values = [original, chosen, ...others, ...starts].sort((a, b) => b.megabytes - a.megabytes);
  const { color, shape } = methodChannels(methods);
  const budget = reached !== undefined && 'maxError' in reached ? reached.maxError : undefined;
  const x = axis('megabytes', 'file size (MB)', { zero: false });
  const y = axis('error', 'output error (%), wider where it is small', { zero: true, type: 'sqrt' });
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
      { data: { values }, mark: { type: 'line', aria: false }, encoding: { x, y, color } },
      {
        data: { values },
        mark: { type: 'point', filled: true, opacity: 1 },
        encoding: {
          x,
          y,
          color,
          shape,
          size: { condition: { test: `datum.what === '${chosen.what}'`, value: 220 }, value: 60 },
          tooltip: [
            { field: 'what', title: 'point' },
            { field: 'method', title: 'method' },
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
      ...methods.flatMap((method) => {
        const last = values.filter((value) => value.method === method).at(-1)!;
        return last === chosen || methods.length < 2 ? [] : [label(last, method, -12)];
      }),
    ],
  };
  const small =
    sizes.length === 0
      ? ''
      : ` The small points are the same model with so many times as much taken from all of it, and with the other reduction at one ratio for everything, refitted and compared on the same inputs.`;
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
