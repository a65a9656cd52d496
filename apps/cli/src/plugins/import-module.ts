import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ImportModule } from '@spherize/core';
import { decodeText } from '@spherize/files';

/** Imports a plug-in by path or package name, both as seen from the folder in which the command runs. */
export const importFromWorkingFolder: ImportModule = async (specifier) => {
  const isPath =
    specifier.startsWith('.') || isAbsolute(specifier) || ['.js', '.mjs'].includes(extname(specifier));
  const found = isPath ? resolve(specifier) : resolvePackage(specifier);
  return import(pathToFileURL(found).href);
};

function resolvePackage(name: string): string {
  const require = createRequire(resolve('package.json'));
  try {
    return require.resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
    // Node resolves for `require` only, from another folder: packages that export to `import` alone are looked up here.
    for (const folder of require.resolve.paths(name) ?? []) {
      const entry = importEntry(join(folder, name));
      if (entry !== undefined) return entry;
    }
    throw error;
  }
}

/** The file that a package exports to `import` as itself. */
function importEntry(folder: string): string | undefined {
  let target: unknown;
  try {
    target = JSON.parse(decodeText(readFileSync(join(folder, 'package.json')))).exports;
  } catch {
    return undefined;
  }
  while (typeof target === 'object' && target !== null) {
    const conditions = target as Record<string, unknown>;
    const key = Object.keys(conditions).find((own) => ['.', 'import', 'node', 'default'].includes(own));
    target = key === undefined ? undefined : conditions[key];
  }
  return typeof target === 'string' ? join(folder, target) : undefined;
}
