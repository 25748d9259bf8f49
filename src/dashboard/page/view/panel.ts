import { element, newId, setText } from './element.js';
import type { Row } from './keyedRows.js';

/** A card with a heading. */
export interface Panel {
  readonly root: HTMLElement;
  readonly header: HTMLElement;
}

/** `unit` follows the title. */
export function panel(
  title: string,
  className: string,
  children: readonly (HTMLElement | undefined)[],
  unit = '',
): Panel {
  const titleId = newId('panel');
  const header = element(
    'header',
    {},
    element(
      'h2',
      { attrs: { id: titleId } },
      title,
      unit && ' ',
      unit && element('span', { class: 'unit', text: unit }),
    ),
  );
  const attrs = { 'aria-labelledby': titleId };
  return { root: element('section', { class: `card ${className}`, attrs }, header, ...children), header };
}

/** A sentence in place of what there is not. */
export function emptyNote(text: string): HTMLElement {
  return element('p', { class: 'empty', text });
}

/** The heading of a row of a table. */
export function rowHeading(text: string, ...children: readonly HTMLElement[]): HTMLElement {
  return element('th', { text, attrs: { scope: 'row' } }, ...children);
}

/** A box that scrolls, by keyboard too. */
export function scrollBox(label: string, content: HTMLElement): HTMLElement {
  return element('div', { class: 'scroll', attrs: { tabindex: '0', role: 'region', 'aria-label': label } }, content);
}

/** A table in a box that scrolls, of many rows: those out of sight cost nothing. */
export function longTable(
  label: string,
  className: string,
  headings: readonly string[],
  body?: HTMLElement,
): HTMLElement {
  return scrollBox(label, element('table', { class: `long ${className}` }, tableHead(...headings), body));
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

/** Creates rows with the texts of an item: first its heading, then cells of these classes. */
export function textRows<T>(textsOf: (item: T) => readonly string[], ...classes: readonly string[]): () => Row<T> {
  return () => {
    const cells = [rowHeading(''), ...classes.map((className) => element('td', { class: className }))];
    return {
      root: element('tr', {}, ...cells),
      set: (item) => {
        const texts = textsOf(item);
        for (const [i, cell] of cells.entries()) setText(cell, texts[i] ?? '');
      },
    };
  };
}
