import { Registry } from '../registry/registry.js';
import type { Clusterer } from './clusterer.js';
import { kmeans } from './kmeans.js';
import { l2Slice } from './l2-slice.js';
import { randomAssignment } from './random-assignment.js';
import { rankOne } from './rank-one.js';
import { spherical } from './spherical.js';

/** Whether a value is a clusterer plug-in. */
export function isClusterer(value: unknown): value is Clusterer {
  const candidate = value as Partial<Clusterer> | null | undefined;
  return (
    typeof candidate === 'object' &&
    typeof candidate?.name === 'string' &&
    typeof candidate.cluster === 'function'
  );
}

/** The clusterers that come with core, and the way to find others. */
export const clusterers: Registry<Clusterer> = new Registry(
  'clusterer',
  [kmeans, spherical, rankOne, l2Slice, randomAssignment],
  isClusterer,
);
