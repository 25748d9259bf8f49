import { type AtRule, type ChildNode, parse, type Rule } from 'postcss';

// A page must not wait for the style sheet of all pages before it shows its text. So each page has the rules for what it holds in itself, and the
// sheet follows. Both are the same rules in the same order, so that nothing moves when the sheet arrives.

interface Selector {
  readonly text: string;
  /** Classes, ids and names of elements that a page must hold for it to match. */
  readonly needs: readonly string[];
}

interface StyleRule {
  readonly selectors: readonly Selector[];
  readonly declarations: readonly Declaration[];
}

interface Declaration {
  readonly name: string;
  readonly text: string;
  /** Custom properties that the value reads. */
  readonly reads: readonly string[];
}

/** `@media` with rules, or what is taken as it is. */
interface Group {
  readonly head: string;
  readonly nodes: readonly StyleNode[];
}

type StyleNode = StyleRule | Group | { readonly whole: string };

/** Set by scripts before the page is shown. */
const alwaysThere = ['dark', 'mac', 'html', 'body'];
/** Of states that a page does not begin with, and of paper. */
const later = /:(?:hover|active|focus|focus-visible|focus-within|disabled|selection|target)\b/;
const laterGroups = /^@(?:keyframes|media print|page)/;

/** Reads a style sheet once. The function that it returns picks the rules that a page needs for its first picture, by the page's HTML. */
export function criticalCss(sheet: string): (html: string) => string {
  const nodes = read(parse(sheet).nodes);
  return (html) => {
    const has = namesIn(html);
    const kept = pick(nodes, has);
    const wanted = new Set<string>();
    for (const [, name = ''] of html.matchAll(/var\((--[\w-]+)/g)) wanted.add(name);
    gather(kept, wanted);
    return print(kept, wanted);
  };
}

function read(nodes: readonly ChildNode[]): readonly StyleNode[] {
  return nodes.flatMap((node): readonly StyleNode[] => {
    if (node.type === 'rule') return [readRule(node)];
    if (node.type !== 'atrule') return [];
    const head = headOf(node);
    if (laterGroups.test(head)) return [];
    const inner = node.nodes ?? [];
    const hasRules = inner.some(({ type }) => type === 'rule' || type === 'atrule');
    return hasRules ? [{ head, nodes: read(inner) }] : [{ whole: node.toString() }];
  });
}

const headOf = ({ name, params }: AtRule) => `@${name} ${params}`;

function readRule({ selectors, nodes }: Rule): StyleRule {
  return {
    selectors: selectors.filter((text) => !later.test(text)).map((text) => ({ text, needs: needsOf(text) })),
    declarations: nodes.flatMap((node) =>
      node.type === 'decl'
        ? [
            {
              name: node.prop,
              text: `${node.prop}:${node.value}${node.important ? '!important' : ''}`,
              reads: [...node.value.matchAll(/var\((--[\w-]+)/g)].map(([, name = '']) => name),
            },
          ]
        : [],
    ),
  };
}

/** What is in parentheses may be absent, or be one of several. */
function needsOf(selector: string): readonly string[] {
  let plain = selector;
  for (let before = ''; before !== plain; ) {
    before = plain;
    plain = plain.replaceAll(/::?[\w-]+(?:\([^()]*\))?|\([^()]*\)/g, '');
  }
  const names = [...plain.matchAll(/[.#]([\w-]+)|\[(data-v-[\w]+)\]|(?<![\w.#[-])([a-z][a-z0-9]*)(?![^[]*\])/gi)];
  return names.map(([, name, scope, tag]) => name ?? scope ?? (tag ?? '').toLowerCase());
}

/** Classes, ids, scopes and names of elements of a page. */
function namesIn(html: string): ReadonlySet<string> {
  const found = new Set(alwaysThere);
  const lists = new Set<string>();
  for (const [, tag, list, id, scope] of html.matchAll(
    /<([a-z][a-z0-9]*)|\sclass="([^"]*)"|\sid="([^"]*)"|\s(data-v-\w+)/gi,
  )) {
    if (tag !== undefined) found.add(tag.toLowerCase());
    else if (list !== undefined) lists.add(list);
    else found.add(id ?? scope ?? '');
  }
  for (const list of lists) for (const name of list.split(/\s+/)) found.add(name);
  return found;
}

function pick(nodes: readonly StyleNode[], has: ReadonlySet<string>): readonly StyleNode[] {
  return nodes.flatMap((node): readonly StyleNode[] => {
    if ('whole' in node) return [node];
    if ('head' in node) {
      const inner = pick(node.nodes, has);
      return inner.length === 0 ? [] : [{ head: node.head, nodes: inner }];
    }
    const selectors = node.selectors.filter(({ needs }) => needs.every((name) => has.has(name)));
    return selectors.length === 0 ? [] : [{ selectors, declarations: node.declarations }];
  });
}

/** Custom properties that the rules read, and those that these read. */
function gather(nodes: readonly StyleNode[], wanted: Set<string>): void {
  const reads = new Map<string, Set<string>>();
  const visit = (inner: readonly StyleNode[]) => {
    for (const node of inner) {
      if ('whole' in node) continue;
      if ('head' in node) {
        visit(node.nodes);
        continue;
      }
      for (const declaration of node.declarations) {
        if (!declaration.name.startsWith('--')) for (const name of declaration.reads) wanted.add(name);
        else {
          const known = reads.get(declaration.name) ?? new Set();
          for (const name of declaration.reads) known.add(name);
          reads.set(declaration.name, known);
        }
      }
    }
  };
  visit(nodes);
  // A set that grows while it is walked is walked to its new end.
  for (const name of wanted) for (const inner of reads.get(name) ?? []) wanted.add(inner);
}

function print(nodes: readonly StyleNode[], wanted: ReadonlySet<string>): string {
  return nodes
    .map((node) => {
      if ('whole' in node) return node.whole;
      if ('head' in node) {
        const inner = print(node.nodes, wanted);
        return inner === '' ? '' : `${node.head}{${inner}}`;
      }
      const kept = node.declarations.filter(({ name }) => !name.startsWith('--') || wanted.has(name));
      if (kept.length === 0) return '';
      return `${node.selectors.map(({ text }) => text).join(',')}{${kept.map(({ text }) => text).join(';')}}`;
    })
    .join('');
}
