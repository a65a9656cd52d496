/** Options of a clusterer's own: described once, checked in one place. */
import { describe, expect, test } from 'vitest';
import {
  type Clusterer,
  type ClustererOption,
  clusterColumns,
  InputError,
  kmeans,
  l2Slice,
  meanClustering,
  resolveOptions,
  spherical,
  withOptions,
} from '../../src/index.js';
import { prepared, randomMatrix } from '../naive.js';

interface OwnOptions {
  readonly rounds: number;
  readonly share: number;
  readonly start: string;
  readonly strict: boolean;
}

/** What `cluster` was given at its last call. */
let seen: unknown;

const own: Clusterer<OwnOptions> = {
  name: 'own',
  options: {
    rounds: { type: 'integer', min: 1, max: 9, default: 3, description: 'how often' },
    share: { type: 'number', min: 0, default: 0.5, description: 'how much' },
    start: { type: 'enum', values: ['first', 'last'], default: 'first', description: 'where' },
    strict: { type: 'boolean', default: false, description: 'whether' },
  },
  async cluster({ count }, _, options) {
    seen = options;
    return meanClustering(new Int32Array(count), 1);
  },
};
const DEFAULTS = { rounds: 3, share: 0.5, start: 'first', strict: false };

test('what is left out has its default', () => {
  expect(resolveOptions(own)).toEqual(DEFAULTS);
  expect(resolveOptions(own, { strict: true, rounds: 9, share: undefined })).toEqual({
    ...DEFAULTS,
    strict: true,
    rounds: 9,
  });
  expect(resolveOptions(spherical)).toEqual({ algorithm: 'hartigan', scale: 'norm' });
  expect(resolveOptions(l2Slice)).toEqual({});
});

test('a clusterer is given all of its options, beside what every clusterer is given', async () => {
  const columns = await prepared(randomMatrix(3, 6, 1));
  await clusterColumns(own, columns, 2, { seed: 4 });
  expect(seen).toEqual({ ...DEFAULTS, seed: 4 });
  await clusterColumns(withOptions(own, { rounds: 2 }), columns, 2, { seed: 5 });
  expect(seen).toEqual({ ...DEFAULTS, rounds: 2, seed: 5 });
  const twice = withOptions(withOptions(own, { rounds: 2, share: 7 }), { rounds: 1 });
  await clusterColumns(twice, columns, 2);
  expect(seen).toEqual({ ...DEFAULTS, rounds: 1, share: 7 });
});

test('a bound on the algorithm is the algorithm that runs', async () => {
  const columns = await prepared(randomMatrix(6, 30, 2));
  for (const algorithm of ['lloyd', 'hartigan'] as const) {
    const bound = await clusterColumns(withOptions(kmeans, { algorithm }), columns, 7, { seed: 1 });
    expect(bound).toEqual(await kmeans.cluster(columns, 7, { seed: 1, algorithm }));
  }
});

test.each<readonly [Clusterer, Record<string, unknown>, string]>([
  [
    spherical,
    { speed: 1 },
    "clusterer 'spherical' has no option 'speed': expected algorithm (lloyd or hartigan), scale (norm or projected)",
  ],
  [l2Slice, { speed: 1 }, "clusterer 'l2-slice' has no option 'speed': it has none"],
  [
    kmeans,
    { algorithm: 'elkan' },
    "clusterer 'kmeans': option 'algorithm' takes lloyd or hartigan, got 'elkan'",
  ],
  [own, { rounds: 1.5 }, "clusterer 'own': option 'rounds' takes a whole number from 1 to 9, got '1.5'"],
  [own, { rounds: 10 }, "clusterer 'own': option 'rounds' takes a whole number from 1 to 9, got '10'"],
  [own, { rounds: '3' }, "clusterer 'own': option 'rounds' takes a whole number from 1 to 9, got '3'"],
  [own, { share: -1 }, "clusterer 'own': option 'share' takes a number of at least 0, got '-1'"],
  [own, { share: Number.NaN }, "clusterer 'own': option 'share' takes a number of at least 0, got 'NaN'"],
  [own, { start: 'middle' }, "clusterer 'own': option 'start' takes first or last, got 'middle'"],
  [own, { strict: 'yes' }, "clusterer 'own': option 'strict' takes true or false, got 'yes'"],
  [own, JSON.parse('{"__proto__": 1}'), "clusterer 'own' has no option '__proto__'"],
])('%o with %o is refused', (clusterer, given, message) => {
  expect(() => resolveOptions(clusterer, given)).toThrow(
    expect.objectContaining({ code: 'BAD_ARGUMENT', message: expect.stringContaining(message) }),
  );
});

describe('a table that is wrong is the fault of the plug-in', () => {
  const sound = { type: 'integer', default: 1, description: 'how often' } as const;
  test.each<readonly [string, unknown, string]>([
    ['seed', sound, 'has a name that is taken'],
    ['a=b', sound, 'needs a name of letters'],
    ['a', undefined, 'needs the type enum, number, integer or boolean, got undefined'],
    ['a', { ...sound, type: 'string' }, 'needs the type enum, number, integer or boolean, got string'],
    ['a', { ...sound, description: undefined }, 'needs a description'],
    ['a', { ...sound, max: 0 }, 'has the default 1, expected a whole number of at most 0'],
    ['a', { ...sound, type: 'enum', values: ['1'], default: '1' }, 'needs values that are words'],
    ['a', { ...sound, type: 'enum', values: undefined }, 'needs values that are words'],
  ])('%s: %o', (name, option, message) => {
    const clusterer: Clusterer = { ...l2Slice, options: { [name]: option as ClustererOption } };
    const attempt = (): unknown => resolveOptions(clusterer);
    expect(attempt).toThrow(InputError);
    expect(attempt).toThrow(`clusterer 'l2-slice': option '${name}' ${message}`);
  });
});
