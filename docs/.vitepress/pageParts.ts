import type { PagePart } from './theme/plainPage.js';

/** What Vue would do something with: components, bindings, directives, interpolations, and addresses that become imports. */
const dynamic =
  /<[A-Z]|<(?:component|img|image|slot|source|script|style|template|use|video|[a-z]+-)\b|\{\{|\s(?:[:@#]|v-(?!pre\b))[\w.-]*=/;
/** As `runBlocks.ts` writes it. */
const example = /<RunBlock :index="(\d+)">([\s\S]*?)<\/RunBlock>\n/g;
/** VitePress has a directive on code that Vue should not read. */
const leaveAlone = / v-pre(?:="")?(?=[\s>])/g;
const tag = /<(\/?)([a-z][\w-]*)(?:"[^"]*"|'[^']*'|[^'">])*?(\/?)>/gi;
const withoutEnd = new Set(['area', 'br', 'col', 'hr', 'img', 'input', 'wbr']);

/**
 * The HTML of a page between its examples, and the examples; `undefined` where there is anything else of Vue in it. An example inside of another
 * element, such as an item of a list, is left to Vue too.
 */
export function pageParts(html: string): readonly PagePart[] | undefined {
  const parts: PagePart[] = [];
  /** What is between two examples, or around one of them. */
  const add = (text: string, index?: number): boolean => {
    const elements = dynamic.test(text) ? undefined : topElements(text.replaceAll(leaveAlone, ''));
    if (elements === undefined) return false;
    const joined = elements.join('');
    if (elements.length > 0)
      parts.push(index === undefined ? [joined, elements.length] : [joined, elements.length, index]);
    return true;
  };
  let end = 0;
  for (const { 0: whole, 1: index, 2: code = '', index: at } of html.matchAll(example)) {
    if (!add(html.slice(end, at)) || !add(code, Number(index))) return undefined;
    end = at + whole.length;
  }
  return add(html.slice(end)) ? parts : undefined;
}

/** The elements that are in no other; `undefined` where one has no end or is not the only thing there is. */
function topElements(html: string): readonly string[] | undefined {
  const elements: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: whole, 1: closes, 2: name = '', 3: closed, index } of html.matchAll(tag)) {
    if (depth === 0) {
      if (closes !== '' || html.slice(start, index).trim() !== '') return undefined;
      start = index;
    }
    if (closes !== '') depth--;
    else if (closed === '' && !withoutEnd.has(name.toLowerCase())) depth++;
    if (depth > 0) continue;
    const after = index + whole.length;
    elements.push(html.slice(start, after));
    start = after;
  }
  return depth === 0 && html.slice(start).trim() === '' ? elements : undefined;
}
