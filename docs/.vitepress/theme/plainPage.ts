import { type Component, createStaticVNode, h } from 'vue';
import RunBlock from './RunBlock.vue';

/** HTML with a number of elements at its top, and, where it is the code of an example, the example's index on the page. */
export type PagePart = readonly [html: string, elements: number, example?: number];

/** A page of HTML that never changes, but for the examples in it: see `plainPages.ts`. */
export function plainPage(name: string, parts: readonly PagePart[]): Component {
  // Vue keeps the nodes that it created, or found on the page, for the next time.
  const nodes = parts.map(([html, elements]) => createStaticVNode(html, elements));
  const render = () =>
    h(
      'div',
      parts.map(([, , index], i) => (index === undefined ? nodes[i] : h(RunBlock, { index }, () => [nodes[i]]))),
    );
  return { name, render };
}
