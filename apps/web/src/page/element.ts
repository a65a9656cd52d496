/** Elements of the page, which are all there from the beginning. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** The value of the chosen one of some radio buttons. */
export function chosen(name: string): string {
  return document.querySelector<HTMLInputElement>(`input[name='${name}']:checked`)!.value;
}

/** Chooses one of some radio buttons, as nobody did. */
export function choose(name: string, value: string): void {
  document.querySelector<HTMLInputElement>(`input[name='${name}'][value='${value}']`)!.checked = true;
}

/** A table of texts; the first column names the rows. */
export function fillTable(
  table: HTMLTableElement,
  caption: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  table.replaceChildren();
  const title = table.createCaption();
  title.id = `${table.id}-caption`;
  title.textContent = caption;
  const cellOf = (text: string, scope: string | undefined): HTMLTableCellElement => {
    const cell = document.createElement(scope === undefined || text === '' ? 'td' : 'th');
    if (scope !== undefined && text !== '') cell.scope = scope;
    cell.textContent = text;
    return cell;
  };
  table
    .createTHead()
    .insertRow()
    .append(...header.map((text) => cellOf(text, 'col')));
  const body = table.createTBody();
  for (const row of rows)
    body.insertRow().append(...row.map((text, i) => cellOf(text, i === 0 ? 'row' : undefined)));
}

/** Terms and what they mean. */
export function fillList(list: HTMLElement, terms: readonly (readonly [string, string])[]): void {
  list.replaceChildren(
    ...terms.flatMap(([term, text]) => {
      const dt = document.createElement('dt');
      dt.textContent = term;
      const dd = document.createElement('dd');
      dd.textContent = text;
      return [dt, dd];
    }),
  );
}
