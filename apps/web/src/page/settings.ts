/** What was chosen in the form, checked as the command checks it. */
import { InputError, type WeightType } from '@spherize/core';
import type { InputSettings, ModelFacts, Reduce } from '../protocol.js';
import { chosen, element } from './element.js';

export interface Settings extends InputSettings {
  readonly reduce: Reduce;
  readonly storage: WeightType | undefined;
}

/** @throws InputError `BAD_ARGUMENT` for what is no number */
export function chosenSettings(): Settings {
  const samples = Number(element<HTMLInputElement>('samples').value || Number.NaN);
  if (!(Number.isInteger(samples) && samples >= 0))
    throw new InputError('BAD_ARGUMENT', 'how many inputs: expected a whole number of at least 0');
  return {
    reduce: chosen('reduce') as Reduce,
    storage: (chosen('weights') || undefined) as WeightType | undefined,
    samples,
    mean: numbers('mean'),
    std: numbers('std'),
  };
}

function numbers(id: 'mean' | 'std'): number[] | undefined {
  const { value } = element<HTMLInputElement>(id);
  if (value.trim() === '') return undefined;
  const parts = value.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (parts.every((part) => Number.isFinite(part) && (id === 'mean' || part > 0))) return parts;
  throw new InputError(
    'BAD_ARGUMENT',
    `${id}: expected numbers${id === 'std' ? ' above 0' : ''} separated by commas, got '${value}'`,
  );
}

/** Offers what this model can do, and chooses what the command would. */
export function offerSettings({ narrower, layers, both, reduce, types, samples }: ModelFacts): void {
  const offer = (name: string, isOffered: (value: string) => boolean): void => {
    const radios = [...document.querySelectorAll<HTMLInputElement>(`input[name='${name}']`)];
    for (const radio of radios) radio.disabled = !isOffered(radio.value);
    if (radios.find(({ checked }) => checked)!.disabled) radios.find(({ disabled }) => !disabled)?.click();
  };
  const reductions: Readonly<Record<string, boolean>> = {
    auto: narrower > 0,
    neurons: narrower > 0,
    columns: layers > 0,
    both,
    none: types.length > 0,
  };
  element('reduce').querySelector<HTMLInputElement>(`[value=${reduce}]`)!.checked = true;
  offer('reduce', (value) => reductions[value]!);
  offer('weights', (value) => value === '' || types.includes(value as WeightType));
  element<HTMLInputElement>('samples').value = String(samples);
  element('inputs').hidden = samples === 0;
}
