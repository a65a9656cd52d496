/** Text as it may stand in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A value as JSON that may stand in a script element: nothing in it ends the element. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(/</g, '\\u003c');
}

/** A cell that is no plain text: HTML of its own. */
export interface HtmlCell {
  readonly html: string;
}

/** A table, see `plainTable`, that scrolls sideways where the screen is too narrow for it. */
export function htmlTable(...table: Parameters<typeof plainTable>): string {
  return `<div class="scroll" role="region" aria-label="${escapeHtml(table[0])}" tabindex="0">${plainTable(...table)}</div>`;
}

/**
 * A table. The first column is a header, the others are numbers, to the right, but for those that hold words: these are to the left, and
 * take as many lines as they need.
 *
 * @param words positions of the columns that hold words
 */
export function plainTable(
  caption: string,
  header: readonly string[],
  rows: readonly (readonly (string | HtmlCell)[])[],
  words: readonly number[] = [],
): string {
  const kind = (i: number): string => (words.includes(i) ? ' class="words"' : '');
  const content = (cell: string | HtmlCell): string =>
    typeof cell === 'string' ? escapeHtml(cell) : cell.html;
  const cells = (row: readonly (string | HtmlCell)[]): string =>
    row
      .map((cell, i) =>
        i === 0 ? `<th scope="row">${content(cell)}</th>` : `<td${kind(i)}>${content(cell)}</td>`,
      )
      .join('');
  const head = header.map((cell, i) => `<th scope="col"${kind(i)}>${escapeHtml(cell)}</th>`).join('');
  const body = rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n');
  return `<table>
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}
</tbody></table>`;
}
