import { createRequire } from 'node:module';
import { extname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ImportModule } from '@spherize/core';

/** Imports a plug-in by path or package name, both as seen from the folder in which the command runs. */
export const importFromWorkingFolder: ImportModule = async (specifier) => {
  const isPath =
    specifier.startsWith('.') || isAbsolute(specifier) || ['.js', '.mjs'].includes(extname(specifier));
  if (isPath) return import(pathToFileURL(resolve(specifier)).href);
  const found = createRequire(resolve('package.json')).resolve(specifier);
  return import(pathToFileURL(found).href);
};
