import * as vue from 'vue/compiler-sfc';

// Most pages, such as those of the reference, are HTML that never changes: no component, no binding, nothing of Vue. To parse, optimize and
// print their templates takes a third of the build, twice, for the browser and for the server, and comes to the same HTML. So these are passed
// on as they are. On the page they are one static node, as Vue makes of such a template itself.

type Compiler = typeof vue;

/** What Vue would do something with: components, bindings, directives, interpolations, and addresses that become imports. */
const dynamic =
  /<[A-Z]|<(?:component|img|image|slot|source|script|style|template|use|video|[a-z]+-)\b|\{\{|\s(?:[:@#]|v-(?!pre\b))[\w.-]*=/;
const template = /<template>([\s\S]*)<\/template>/;
/** VitePress has a directive on code that Vue should not read. */
const leaveAlone = / v-pre(?:="")?(?=[\s>])/g;

/** Vue's compiler of single-file components, which leaves pages that are plain HTML as they are. */
export function plainPages(): Compiler {
  /** By the name of the file. */
  const plain = new Map<string, string>();
  return {
    ...vue,
    parse(source, options) {
      const filename = options?.filename ?? '';
      const html = filename.endsWith('.md') ? template.exec(source)?.[1] : undefined;
      if (html === undefined || dynamic.test(html)) {
        plain.delete(filename);
        return vue.parse(source, options);
      }
      plain.set(filename, html.replaceAll(leaveAlone, ''));
      // Something must be there: Vue has no template where it is empty.
      return vue.parse(source.replace(template, '<template>-</template>'), options);
    },
    compileTemplate(options) {
      const html = plain.get(options.filename);
      if (html === undefined) return vue.compileTemplate(options);
      const code = options.ssr ? serverCode(html) : browserCode(html);
      return { code, source: options.source, errors: [], tips: [], preamble: '' };
    },
  };
}

/** Vue keeps the nodes that it created from a static node, or found on the page, for the next time. */
const browserCode = (html: string) => `import { createStaticVNode as _createStaticVNode } from "vue"
const _hoisted_1 = /*#__PURE__*/_createStaticVNode(${JSON.stringify(html)}, 1)

export function render() {
  return _hoisted_1
}`;

const serverCode = (html: string) => `
export function ssrRender(_ctx, _push) {
  _push(${JSON.stringify(html)})
}`;
