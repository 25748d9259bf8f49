type Child = Node | string | undefined;

/** The parts of a new element. */
interface Properties {
  readonly class?: string;
  readonly text?: string;
  readonly attrs?: Readonly<Record<string, string>>;
  readonly onClick?: (event: MouseEvent) => void;
}

/** Creates an element. Text is always set as text, so that no name of a topic or operator becomes markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { class: className, text, attrs = {}, onClick }: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const created = document.createElement(tag);
  if (className !== undefined) created.className = className;
  if (text !== undefined) created.textContent = text;
  for (const [name, value] of Object.entries(attrs)) created.setAttribute(name, value);
  if (onClick) created.addEventListener('click', onClick as EventListener);
  for (const child of children) if (child !== undefined) created.append(child);
  return created;
}

/** Sets a text only when it differs: screen readers announce what changes in a live region, and nothing else. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

let identifiers = 0;

/** An id that no other element has. */
export function newId(prefix: string): string {
  identifiers++;
  return `${prefix}-${identifiers}`;
}
