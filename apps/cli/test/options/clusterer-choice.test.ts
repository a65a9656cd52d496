/** `NAME:key=value,…`: names stay whole, options are values. */
import { kmeans, l2Slice } from '@spherize/core';
import { gridSettings, withMethod } from '@spherize/core/sweep';
import { describe, expect, test } from 'vitest';
import {
  choiceText,
  clustererValue,
  clustererValues,
  parseClusterer,
} from '../../src/options/clusterer-choice.js';
import { methodOf, openClusterer } from '../../src/plugins/clusterers.js';

test.each([
  'spherical',
  './leader.js',
  '../a:b/leader.js',
  '/home/me/a=b/leader.mjs',
  'C:\\plug-ins\\leader.js',
  'C:\\a=1\\leader.js',
  './a:x=1/leader.js',
  '@scope/leader',
  'npm:leader',
  'kmeans:algorithm',
])('%s is a name', (name) => {
  expect(parseClusterer('--clusterer', name)).toBe(name);
});

test.each<readonly [string, string, Record<string, unknown>]>([
  ['spherical:scale=projected', 'spherical', { scale: 'projected' }],
  ['@scope/leader:rounds=3, share=0.5', '@scope/leader', { rounds: 3, share: 0.5 }],
  ['C:\\a\\leader.js:strict=true', 'C:\\a\\leader.js', { strict: true }],
  ['./a:x=1/leader.js:rounds=1e2', './a:x=1/leader.js', { rounds: 100 }],
  ['leader:share=-0.5,strict=false,start=', 'leader', { share: -0.5, strict: false, start: '' }],
])('%s has options', (text, name, options) => {
  expect(parseClusterer('--clusterer', text)).toEqual({ name, options });
});

test('a list quotes what has several options, and texts come back as they were', () => {
  const text = 'kmeans,"leader:rounds=3,strict=true",spherical:scale=projected';
  const choices = clustererValues('--clusterers', text);
  expect(choices).toEqual([
    'kmeans',
    { name: 'leader', options: { rounds: 3, strict: true } },
    { name: 'spherical', options: { scale: 'projected' } },
  ]);
  expect(choices.map(choiceText)).toEqual([
    'kmeans',
    'leader:rounds=3,strict=true',
    'spherical:scale=projected',
  ]);
});

test('an object of a recipe is not taken apart', () => {
  const odd = { name: './odd:a=1', options: {} };
  expect(clustererValue('--clusterer', odd)).toEqual(odd);
  expect(clustererValues('--clusterers', [odd, { name: 'kmeans' } as never])).toEqual([odd, 'kmeans']);
});

describe('the short forms', () => {
  const usual = { algorithm: 'hartigan', scale: 'norm' };
  const lloyd = { algorithm: 'lloyd', scale: 'projected' };
  const opened = async (choice: Parameters<typeof openClusterer>[0], short = usual) => {
    const { clusterer, ...names } = await openClusterer(choice, short);
    return names;
  };

  test('hold for clusterers that have such options, and are named for all as before', async () => {
    const named = { ...lloyd, options: {} };
    for (const specifier of ['kmeans', 'spherical', 'l2-slice'])
      expect(await opened(specifier, lloyd)).toEqual({ specifier, ...named });
    expect(methodOf(await openClusterer('kmeans', usual))).toEqual({
      clusterer: 'kmeans',
      algorithm: 'hartigan',
    });
  });

  test('give way to an option by name', async () => {
    const choice = { name: 'spherical', options: { algorithm: 'hartigan' } };
    expect(await opened(choice, lloyd)).toMatchObject({ algorithm: 'hartigan', scale: 'projected' });
  });

  test('are what runs', async () => {
    const { clusterer } = await openClusterer('spherical', lloyd);
    expect(clusterer.options).toMatchObject({
      algorithm: { default: 'lloyd' },
      scale: { default: 'projected' },
    });
    const again = withMethod(kmeans, { algorithm: 'lloyd' });
    expect(again.options).toMatchObject({ algorithm: { default: 'lloyd' } });
    expect(withMethod(l2Slice, { algorithm: 'lloyd', scale: 'projected' }).options).toEqual({});
  });
});

test('settings name only what is not as usual', () => {
  const settings = gridSettings({
    methods: [
      { clusterer: 'kmeans' },
      { clusterer: 'leader', algorithm: 'fast', scale: 'projected', options: { rounds: 3 } },
    ],
    algorithms: ['lloyd'],
    sparsities: [0],
    ratios: [0.5],
    seeds: [1],
  });
  const shared = { sparsity: 0, ratio: 0.5, seed: 1 };
  // Journals and caches compare these texts.
  expect(JSON.stringify(settings)).toBe(
    JSON.stringify([
      { clusterer: 'kmeans', algorithm: 'lloyd', ...shared, calibrated: false },
      {
        clusterer: 'leader',
        algorithm: 'fast',
        ...shared,
        scale: 'projected',
        options: { rounds: 3 },
        calibrated: false,
      },
    ]),
  );
});
