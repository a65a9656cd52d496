import { readFileSync } from 'node:fs';

/** What the package's own `package.json` says of it. */
const own: { version: string; description: string } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);

export const version: string = own.version;
export const description: string = own.description;
