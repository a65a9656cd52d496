/** The short form in which families of classes are written down. */
import { stops } from '@spherize/core';
import { other } from './flow-rules.js';
import type { LayerClass } from './layer-class.js';

/** Everything about a class that is not the same for most. */
export type ClassFacts = Partial<Omit<LayerClass, 'name'>> & Pick<LayerClass, 'effect' | 'flow'>;

/** @param names classes, apart by blanks */
export function classes(names: string, facts: ClassFacts): LayerClass[] {
  return names
    .split(' ')
    .map((name) => ({ activates: false, parameters: [], products: 'none', ...facts, name }));
}

/** Classes that cannot stand between two fully connected layers. */
export function standingApart(names: string, apart: string, facts: Partial<ClassFacts> = {}): LayerClass[] {
  return classes(names, { effect: stops(apart), flow: other(apart), ...facts, apart });
}
