import { element, newId, setText } from './element.js';

/** A card with a heading. */
export interface Panel {
  readonly root: HTMLElement;
  readonly titleId: string;
}

export function panel(title: string, className: string, ...children: readonly (HTMLElement | undefined)[]): Panel {
  const titleId = newId('panel');
  const root = element(
    'section',
    { class: `card ${className}`, attrs: { 'aria-labelledby': titleId } },
    element('header', {}, element('h2', { text: title, attrs: { id: titleId } })),
    ...children,
  );
  return { root, titleId };
}

/** A box that scrolls, by keyboard too. */
export function scrollBox(label: string, ...children: readonly HTMLElement[]): HTMLElement {
  return element(
    'div',
    { class: 'scroll', attrs: { tabindex: '0', role: 'region', 'aria-label': label } },
    ...children,
  );
}

/** The head of a table. A heading that begins with `~` is left out on narrow screens, one with `#` is over numbers. */
export function tableHead(...headings: readonly string[]): HTMLElement {
  const cells = headings.map((heading) => {
    const [, extra, numeric, text = ''] = /^(~?)(#?)(.*)$/.exec(heading) ?? [];
    return element('th', {
      text,
      class: `${numeric ? 'number' : ''} ${extra ? 'extra' : ''}`,
      attrs: { scope: 'col' },
    });
  });
  return element('thead', {}, element('tr', {}, ...cells));
}

/** A row of a table: its heading, and empty cells of these classes. */
export function tableRow(heading: string, ...classes: readonly string[]): HTMLTableRowElement {
  const cells = classes.map((className) => element('td', { class: className }));
  return element('tr', {}, element('th', { text: heading, attrs: { scope: 'row' } }), ...cells);
}

/** Sets the texts of the cells behind the heading. */
export function setCells(row: HTMLTableRowElement, ...texts: readonly string[]): void {
  for (const [i, text] of texts.entries()) setText(row.cells[i + 1] as HTMLElement, text);
}
