/**
 * Lists on the command line: values separated by commas. A value that holds a comma, begins with a quote or has spaces at its ends
 * begins with a double-quoted part, as in CSV files, with every quote in it doubled: `"a=1,b",c` is `a=1,b` and `c`, and
 * `"a,b"=0.5` is `a,b=0.5`.
 */
import { InputError } from '@spherize/core';

/** @throws InputError `BAD_ARGUMENT` for a quote that is not closed */
export function splitList(name: string, text: string): string[] {
  const values: string[] = [];
  for (let rest: string | undefined = text; rest !== undefined; ) {
    const [, quoted] = /^\s*"((?:[^"]|"")*)"(?!")/.exec(rest) ?? [];
    if (quoted === undefined && rest.trimStart().startsWith('"')) {
      throw new InputError(
        'BAD_ARGUMENT',
        `${name}: the quote in '${text}' is not closed: a quoted value ends with " and has its own quotes doubled`,
      );
    }
    const behind: string = quoted === undefined ? rest : rest.slice(rest.indexOf('"') + quoted.length + 2);
    const comma = behind.indexOf(',');
    const plain = comma < 0 ? behind : behind.slice(0, comma);
    values.push(quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"') + plain.trimEnd());
    rest = comma < 0 ? undefined : behind.slice(comma + 1);
  }
  return values;
}

/** A value, quoted where a list needs it. */
export function listItem(value: string): string {
  return /^\s|^"|,|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
