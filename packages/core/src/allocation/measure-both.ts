/** What layers and widths lose and save together: both measured alone, with the weights that both take. */
import { partOf } from '../cancellation.js';
import { spanOf } from '../format/filter-window.js';
import type { Trials } from '../trials/trials.js';
import type { Width } from '../widths/find-widths.js';
import { productsPerSample } from '../widths/products-per-sample.js';
import { type Both, nameInBoth } from '../widths/select-both.js';
import type { AllocateWidthsOptions } from './allocate-widths.js';
import { type AmountOptions, amountsOf } from './amounts.js';
import { measureColumns } from './column-path.js';
import { type NarrowTarget, narrowingCurves } from './narrowing-path.js';
import type { BothMeasured } from './path-of-both.js';

export type MeasureBothOptions = Omit<AllocateWidthsOptions, 'amounts'> & AmountOptions;

/** Where measuring of columns ends, about. */
const COLUMNS = 0.3;

/** Every layer clustered and every width narrower, alone. */
export async function measureBoth(
  trials: Trials,
  widths: readonly Width[],
  target: NarrowTarget,
  options: MeasureBothOptions,
): Promise<BothMeasured> {
  const { model, layers } = trials;
  const { inputs, signal, onProgress } = options;
  const both = { layers, widths };
  const amounts = await amountsOf(model, target, widths, options);
  const of = amounts.map((amount) => amount.of);
  const perWeight = await Promise.all(
    amounts.map(async (amount) => amount.perWeight / (await amount.of(model))),
  );
  const onColumns = partOf(onProgress, 0, COLUMNS);
  const onWidths = partOf(onProgress, COLUMNS, 1);
  const measured = await measureColumns(trials, { inputs, amounts: of, signal, onProgress: onColumns });
  const curves = await narrowingCurves(model, widths, { ...options, amounts: of, onProgress: onWidths });
  return {
    layers: measured,
    widths: curves.map((curve) => ({ ...curve, layer: nameInBoth(model, curve.layer) })),
    products: sharedBy(trials, both).map(({ weights, ...by }) => ({
      ...by,
      shares: perWeight.map((one) => one * weights),
    })),
  };
}

/** The layers of one product per sample of which both rows and columns can leave. */
function sharedBy(
  { model }: Trials,
  both: Both,
): { readonly rows: string; readonly columns: string; readonly weights: number }[] {
  const once = productsPerSample(model.graph);
  return model.layers.flatMap((layer) => {
    const { name, inputs, outputs } = layer;
    const made = both.widths.find(({ producers }) => producers.includes(name));
    const read = both.widths.find(({ consumers }) => consumers.includes(name));
    const clustered = both.layers.some((own) => own.name === name);
    const columns = clustered ? name : read && nameInBoth(model, read.name);
    if (!once.has(name) || made === undefined || columns === undefined) return [];
    return [{ rows: nameInBoth(model, made.name), columns, weights: outputs * spanOf(layer) * inputs }];
  });
}
