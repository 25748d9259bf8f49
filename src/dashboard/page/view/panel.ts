import { element, newId } from './element.js';

/** A card with a heading. */
export interface Panel {
  readonly root: HTMLElement;
  readonly titleId: string;
}

export function panel(title: string, className: string, ...children: readonly (HTMLElement | undefined)[]): Panel {
  const titleId = newId('panel');
  const root = element(
    'section',
    { className: `card ${className}`, attributes: { 'aria-labelledby': titleId } },
    element('header', {}, element('h2', { text: title, attributes: { id: titleId } })),
    ...children,
  );
  return { root, titleId };
}

/** A box that scrolls, by keyboard too. */
export function scrollBox(label: string, ...children: readonly HTMLElement[]): HTMLElement {
  return element(
    'div',
    { className: 'scroll', attributes: { tabindex: '0', role: 'region', 'aria-label': label } },
    ...children,
  );
}

/** The head of a table. A heading that begins with `~` is left out on narrow screens, one with `#` is over numbers. */
export function tableHead(...headings: readonly string[]): HTMLElement {
  const cells = headings.map((heading) => {
    const [, extra, numeric, text = ''] = /^(~?)(#?)(.*)$/.exec(heading) ?? [];
    return element('th', {
      text,
      className: `${numeric ? 'number' : ''} ${extra ? 'extra' : ''}`,
      attributes: { scope: 'col' },
    });
  });
  return element('thead', {}, element('tr', {}, ...cells));
}
