/** What help and completion say about clusterers and their options, from the clusterers' own tables. */
import { type ClustererOption, clusterers, optionTable } from '@spherize/core';

/** The options of the built-in clusterers, as the end of a command's help. */
export function clustererText(): string {
  const rows = clusterers.builtIn.flatMap((clusterer) =>
    Object.entries(optionTable(clusterer)).map(([name, option]) => [
      `${clusterer.name}:${name}=${valuesText(option)}`,
      `${option.description} (default: ${option.default})`,
    ]),
  );
  const width = Math.max(...rows.map(([left]) => left!.length));
  const lines = rows.map(([left, right]) => `  ${left!.padEnd(width)}  ${right}`);
  return `\nOptions of clusterers (several: NAME:KEY=VALUE,KEY=VALUE):\n${lines.join('\n')}`;
}

/** What may be typed for a clusterer: names, and names with one option. */
export function clustererWords(): string[] {
  return clusterers.builtIn.flatMap((clusterer) => [
    clusterer.name,
    ...Object.entries(optionTable(clusterer)).flatMap(([name, option]) =>
      wordsOf(option).map((value) => `${clusterer.name}:${name}=${value}`),
    ),
  ]);
}

function valuesText(option: ClustererOption): string {
  return option.type === 'number' || option.type === 'integer' ? 'N' : wordsOf(option).join('|');
}

/** The values of an option that has few; nothing yet of a number. */
function wordsOf(option: ClustererOption): readonly string[] {
  if (option.type === 'enum') return option.values;
  return option.type === 'boolean' ? ['true', 'false'] : [''];
}
