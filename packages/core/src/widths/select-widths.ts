import { InputError } from '../errors.js';
import type { Model } from '../format/model-format.js';
import { findWidths, type Width } from './find-widths.js';
import { requireFeatures } from './require-features.js';

/** Which widths are meant where none is named: all, or those that run through no residual sum. */
export type WidthsMeant = 'all' | 'inner';

/** The widths that may become narrower and are meant; there may be none. */
export function offeredWidths({ graph }: Model, meant: WidthsMeant): readonly Width[] {
  return findWidths(graph).widths.filter(
    ({ reason, residual }) => reason === undefined && !(residual && meant === 'inner'),
  );
}

/**
 * Finds widths whose features may leave, by name or by a layer that makes them.
 *
 * @param names all that may become narrower when left out
 * @returns the widths in the order of the graph, each once
 * @throws InputError `UNSUPPORTED` when the model has no such width or a named one has to stay, `UNKNOWN_NAME` for a name that it does not know
 */
export function selectWidths(
  model: Model,
  names?: readonly string[],
  meant: WidthsMeant = 'all',
): readonly Width[] {
  requireFeatures(model);
  const { widths } = findWidths(model.graph);
  if (names === undefined) {
    const chosen = offeredWidths(model, meant);
    if (chosen.length > 0) return chosen;
    const [first] = widths;
    const why =
      offeredWidths(model, 'all').length > 0
        ? 'all of them run through residual sums'
        : first === undefined
          ? 'that takes two layers, one behind the other'
          : `width '${first.name}' stays: ${first.reason}`;
    throw new InputError('UNSUPPORTED', `the model has no width that can become narrower; ${why}`);
  }
  const chosen = new Set(names.map((name) => findWidth(widths, name)));
  return widths.filter((width) => chosen.has(width));
}

function findWidth(widths: readonly Width[], name: string): Width {
  const named = widths.filter((width) => width.name === name);
  const [width, second] =
    named.length > 0 ? named : widths.filter(({ producers }) => producers.includes(name));
  const quoted = (list: readonly Width[]) =>
    list.map(({ name: own }) => (own.includes(',') ? `"${own}"` : own)).join(', ');
  if (width === undefined) {
    const known = widths.filter(({ reason }) => reason === undefined);
    throw new InputError(
      'UNKNOWN_NAME',
      `unknown width '${name}': the model has ${known.length > 0 ? quoted(known) : 'none that can become narrower'}`,
    );
  }
  if (second !== undefined)
    throw new InputError(
      'UNKNOWN_NAME',
      `layer '${name}' makes several widths: name one of ${quoted([width, second])}`,
    );
  if (width.reason !== undefined)
    throw new InputError('UNSUPPORTED', `width '${width.name}' cannot become narrower: ${width.reason}`);
  return width;
}
