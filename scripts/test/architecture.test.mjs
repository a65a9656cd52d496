/**
 * The folder tree in CONTRIBUTING.md is the diagram of the architecture: a line says what a folder is and, behind `←`, which others it
 * imports. Every arrow leads to a line above, so that there is no circle.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g;

/** A line of the tree: folders and files of one place, and what they import. */
const LINE = /^( *)(\S+(?:, \S+)*) {2,}\S.*?(?: {2}← (.+))?$/;

/** Lines that begin at the margin are packages, those behind them folders of their `src`, or files that lie in it. */
function readTree() {
  const text = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  const [, tree] = /^## Where things are\n.*?^```\n(.*?)^```/ms.exec(text);
  const packages = [];
  for (const line of tree.trimEnd().split('\n')) {
    const [, indent, names, arrows] = LINE.exec(line) ?? [];
    expect(names, `a line of the tree that cannot be read: ${line}`).toBeDefined();
    const entry = { names: names.split(', '), arrows: arrows?.split(', ') ?? [] };
    if (indent === '') packages.push({ ...entry, lines: [] });
    else packages.at(-1).lines.push(entry);
  }
  return packages;
}

function filesBelow(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesBelow(path);
    return name.endsWith('.ts') ? [path] : [];
  });
}

/** The folder of a file, or where it lies in `src` itself, its own name. */
function placeOf(src, file) {
  const folder = relative(src, dirname(file));
  return (folder === '' ? relative(src, file).replace(/\.ts$/, '') : folder).replaceAll('\\', '/');
}

/** All places of a package, each with the places that it imports and the packages. */
function importsOf(src) {
  const places = new Map();
  for (const file of filesBelow(src)) {
    const place = placeOf(src, file);
    if (!places.has(place)) places.set(place, { inside: new Set(), outside: new Set() });
    const { inside, outside } = places.get(place);
    for (const [, name] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      if (!name.startsWith('.')) outside.add(name);
      else inside.add(placeOf(src, join(dirname(file), name.replace(/\.js$/, '.ts'))));
    }
    inside.delete(place);
  }
  return places;
}

const tree = readTree();
const libraries = tree.filter(({ names: [name] }) => /^(packages|apps)\//.test(name));

test('the tree has every package that is published, and nothing that is not there', () => {
  const found = ['packages', 'apps'].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
  );
  expect(libraries.map(({ names: [name] }) => name).sort()).toEqual(found.sort());
  for (const { names } of tree) expect(existsSync(join(ROOT, names[0])), names[0]).toBe(true);
});

test('packages import those above them', () => {
  const names = new Map(
    libraries.map(({ names: [folder] }) => [
      JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')).name,
      folder.replace(/^.*\//, ''),
    ]),
  );
  const above = [];
  for (const {
    names: [folder],
    arrows,
  } of libraries) {
    const imported = [...importsOf(join(ROOT, folder, 'src')).values()].flatMap(({ outside }) => [
      ...outside,
    ]);
    const own = imported.flatMap((name) => names.get(name.replace(/^((?:@[^/]+\/)?[^/]+).*$/, '$1')) ?? []);
    expect([...arrows].sort(), `the arrows of ${folder}`).toEqual([...new Set(own)].sort());
    expect(above, `${folder}: its arrows lead to lines above`).toEqual(expect.arrayContaining(arrows));
    above.push(folder.replace(/^.*\//, ''));
  }
});

test('core imports nothing of Node', () => {
  const places = [...importsOf(join(ROOT, 'packages/core/src')).values()];
  expect(places.flatMap(({ outside }) => [...outside]).filter((name) => name.startsWith('node:'))).toEqual(
    [],
  );
});

describe.each(libraries.filter(({ lines }) => lines.length > 0))('$names', ({ names: [folder], lines }) => {
  const places = importsOf(join(ROOT, folder, 'src'));
  // Files that import nothing and lie in no folder are everybody's: arrows to them are not drawn.
  const isCommon = (place) =>
    places.get(place).inside.size === 0 && existsSync(join(ROOT, folder, 'src', `${place}.ts`));

  test('has a line for every folder, and for every file of src', () => {
    expect(lines.flatMap(({ names }) => names).sort()).toEqual([...places.keys()].sort());
  });

  test.each(lines)('$names imports what its line says, from lines above', ({ names, arrows }) => {
    const imported = new Set(names.flatMap((name) => [...(places.get(name)?.inside ?? [])]));
    const drawn = [...imported].filter((place) => !names.includes(place) && !isCommon(place));
    expect([...arrows].sort()).toEqual(drawn.sort());
    const above = lines
      .slice(
        0,
        lines.findIndex((line) => line.names === names),
      )
      .flatMap((line) => line.names);
    expect(above).toEqual(expect.arrayContaining(arrows));
  });
});
