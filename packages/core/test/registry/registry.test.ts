import { describe, expect, test } from 'vitest';
import { isClusterer } from '../../src/clustering/built-in.js';
import { type ImportModule, kmeans, Registry, spherical } from '../../src/index.js';

const registry = new Registry('clusterer', [kmeans, spherical], isClusterer);
const mine = { name: 'mine', cluster: () => Promise.reject(new Error('unused')) };

/** Knows these modules; everything else is missing in the way Node says so. */
function modules(known: Record<string, Record<string, unknown>>): ImportModule {
  return async (specifier) => {
    const module = known[specifier];
    if (module) return module;
    throw missing(`Cannot find package '${specifier}' imported from /app/index.js`);
  };
}

function missing(message: string, code = 'ERR_MODULE_NOT_FOUND'): Error {
  return Object.assign(new Error(message), { code });
}

test('built-in names need no import', async () => {
  const never: ImportModule = () => Promise.reject(new Error('imported'));
  expect(await registry.find('kmeans', never)).toBe(kmeans);
  expect(await registry.find('spherical', never)).toBe(spherical);
  expect(registry.builtIn).toEqual([kmeans, spherical]);
});

describe('modules', () => {
  test.each([
    ['a default export', { default: mine }],
    ['a named export', { somethingElse: 3, mine }],
    ['a named export beside another default', { default: { version: 1 }, mine }],
    ['the default export before others', { other: { ...mine, name: 'other' }, default: mine }],
  ])('%s', async (_, module) => {
    for (const specifier of ['spherize-mine', '@me/mine', './mine.js', '/app/mine.mjs']) {
      expect(await registry.find(specifier, modules({ [specifier]: module }))).toBe(mine);
    }
  });

  test('no export of the kind', async () => {
    const wrong = modules({
      'not-mine': { default: { name: 'x' }, cluster: () => undefined, nothing: null },
    });
    await expect(registry.find('not-mine', wrong)).rejects.toMatchObject({
      name: 'InputError',
      code: 'BAD_PLUGIN',
      message: "'not-mine' exports no clusterer: export one as its default",
    });
  });
});

describe('what cannot be found', () => {
  test.each([
    ['Node, a package', missing("Cannot find package 'kmean' imported from /app/index.js")],
    ['Node, a path', missing("Cannot find module '/app/kmean' imported from /app/index.js")],
    ['CommonJS', missing("Cannot find module 'kmean'\nRequire stack:\n- /app/index.js", 'MODULE_NOT_FOUND')],
  ])('%s', async (_, error) => {
    const importModule: ImportModule = () => Promise.reject(error);
    await expect(registry.find('kmean', importModule)).rejects.toMatchObject({
      name: 'InputError',
      code: 'UNKNOWN_NAME',
      message:
        "unknown clusterer 'kmean': expected one of kmeans, spherical, an installed package or a path to a module",
      cause: error,
    });
  });

  test('a relative path that was resolved', async () => {
    const error = missing("Cannot find module '/app/plugins/mine.js' imported from /app/index.js");
    await expect(registry.find('./plugins/mine.js', () => Promise.reject(error))).rejects.toMatchObject({
      code: 'UNKNOWN_NAME',
    });
  });
});

describe('what is there but broken', () => {
  test.each([
    [
      'a module that imports what is missing',
      missing("Cannot find package 'ml-kmeans' imported from /app/node_modules/mine/index.js"),
      "clusterer 'mine' cannot be loaded: Cannot find package 'ml-kmeans' imported from /app/node_modules/mine/index.js; mend or reinstall it",
    ],
    [
      'a module that throws',
      new TypeError('x is not a function\n    at mine'),
      "clusterer 'mine' cannot be loaded: x is not a function; mend or reinstall it",
    ],
    [
      'a syntax error',
      new SyntaxError('Unexpected token'),
      "clusterer 'mine' cannot be loaded: Unexpected token; mend or reinstall it",
    ],
    [
      'a string that is thrown',
      'no luck',
      "clusterer 'mine' cannot be loaded: no luck; mend or reinstall it",
    ],
    [
      'nothing that is thrown',
      undefined,
      "clusterer 'mine' cannot be loaded: undefined; mend or reinstall it",
    ],
  ])('%s', async (_, error, message) => {
    await expect(registry.find('mine', () => Promise.reject(error))).rejects.toMatchObject({
      name: 'InputError',
      code: 'BAD_PLUGIN',
      message,
      cause: error,
    });
  });
});
