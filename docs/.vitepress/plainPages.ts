import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin, Rollup } from 'vite';
import { pageParts } from './pageParts.js';
import type { PagePart } from './theme/plainPage.js';

// Most pages are HTML that never changes, with examples that run in it: no other component, no binding, nothing of Vue. A bundler that parses, shakes,
// minifies and prints a module for each, twice, takes more than half of the build, and comes to the same HTML. So these pages are written beside
// the bundle, in the form in which VitePress looks for them: their data, and static nodes with examples between them.

/** A page as its two modules need it. */
interface PlainPage {
  /** Of its file in the site, such as `api_core_window.md`. */
  readonly key: string;
  /** Its path in the folder of the pages, which is the name of its component. */
  readonly name: string;
  /** JSON of what VitePress knows of it. */
  readonly data: string;
  readonly parts: readonly PagePart[];
}

/** What VitePress makes of a page without scripts and styles of its own. */
const plainSource =
  /^<script >\nexport const __pageData = JSON\.parse\((".*")\)\nexport default \{name:(".*")\}<\/script>\n<template><div>([\s\S]*)<\/div><\/template>\n*$/;
const component = fileURLToPath(new URL('theme/plainPage.ts', import.meta.url));

/** Keeps plain pages out of the bundles, and writes them beside. */
export function plainPages(): Plugin {
  let forServer = false;
  let render: (source: string, file: string) => Promise<string>;
  /** By the file of the page. */
  const plain = new Map<string, PlainPage>();
  let componentFile = '';

  return {
    name: 'plain-pages',
    apply: 'build',
    configResolved({ build, plugins }) {
      forServer = Boolean(build.ssr);
      render = rendererOf(plugins);
    },
    options: {
      order: 'post',
      async handler(options) {
        const input = { ...(options.input as Readonly<Record<string, string>>) };
        plain.clear();
        for (const [key, file] of Object.entries(input)) {
          if (!file.endsWith('.md')) continue;
          const page = pageOf(key, await render(readFileSync(file, 'utf8'), file));
          if (!page) continue;
          plain.set(file, page);
          delete input[key];
        }
        return { ...options, input };
      },
    },
    buildStart() {
      if (!forServer) componentFile = this.emitFile({ type: 'chunk', id: component, preserveSignature: 'strict' });
    },
    transform(code, id) {
      // A page exports what VitePress looks for, and all of it is used.
      return id.endsWith('.md') ? { code, map: null, moduleSideEffects: 'no-treeshake' } : undefined;
    },
    generateBundle: {
      // VitePress looks for the pages in its own hook.
      order: 'pre',
      handler(_, bundle) {
        if (forServer) return;
        const app = Object.values(bundle).find((file) => file.type === 'chunk' && file.isEntry && file.name === 'app');
        if (!app) throw new Error('VitePress has changed: look at docs/.vitepress/plainPages.ts');
        const places = { folder: posix.dirname(app.fileName), shared: this.getFileName(componentFile) };
        for (const [file, page] of plain) {
          const chunk = browserChunk(page, file, places);
          bundle[chunk.fileName] = chunk;
        }
      },
    },
    async writeBundle({ dir = '' }) {
      if (!forServer) return;
      await Promise.all([...plain.values()].map((page) => writeFile(join(dir, `${page.key}.js`), serverCode(page))));
    },
  };
}

/** VitePress makes a component of Vue of a page. It keeps what it has made, so that nothing is rendered twice. */
function rendererOf(plugins: readonly Plugin[]) {
  const transform = plugins.find(({ name }) => name === 'vitepress')?.transform;
  if (typeof transform !== 'function') throw new Error('VitePress has changed: look at docs/.vitepress/plainPages.ts');
  return async (source: string, file: string) =>
    String(await transform.call({ addWatchFile() {} } as never, source, file));
}

function pageOf(key: string, source: string): PlainPage | undefined {
  const [, data, name, html] = plainSource.exec(source) ?? [];
  const parts = html === undefined ? undefined : pageParts(html);
  if (data === undefined || name === undefined || parts === undefined) return undefined;
  return { key, name: JSON.parse(name), data: JSON.parse(data), parts };
}

function serverCode({ name, data, parts }: PlainPage): string {
  const pushes = parts.map(([html, , index]) => {
    const text = JSON.stringify(html);
    if (index === undefined) return `push(${text});`;
    return `push(ssrRenderComponent(block, { index: ${index} }, { default: (_, push) => push(${text}), _: 1 }, parent));`;
  });
  return `import { resolveComponent } from 'vue';
import { ssrRenderComponent } from 'vue/server-renderer';
export const __pageData = JSON.parse(${JSON.stringify(data)});
function ssrRender(_, push, parent) {
  const block = resolveComponent('RunBlock');
  push('<div>');
  ${pushes.join('\n  ')}
  push('</div>');
}
export default { name: ${JSON.stringify(name)}, ssrRender };
`;
}

/** As Rollup would have made it. Between the two marks is what VitePress leaves out of the file that a page itself loads, which holds it already. */
function browserChunk(
  { key, name, data, parts }: PlainPage,
  file: string,
  { folder, shared }: { readonly folder: string; readonly shared: string },
): Rollup.OutputChunk {
  const marked = parts.map(([html, ...rest]) => [`__VP_STATIC_START__${html}__VP_STATIC_END__`, ...rest]);
  const code = `import{plainPage}from"./${posix.relative(folder, shared)}";const __pageData=JSON.parse(${JSON.stringify(data)}),page=plainPage(${JSON.stringify(name)},${JSON.stringify(marked)});export{__pageData,page as default};\n`;
  const hash = createHash('sha256').update(code).digest('base64url').slice(0, 8);
  const fileName = `${folder}/${key}.${hash}.js`;
  return {
    type: 'chunk',
    name: key,
    fileName,
    preliminaryFileName: fileName,
    code,
    facadeModuleId: file,
    moduleIds: [file],
    modules: {},
    imports: [shared],
    importedBindings: { [shared]: ['plainPage'] },
    dynamicImports: [],
    implicitlyLoadedBefore: [],
    referencedFiles: [],
    exports: ['__pageData', 'default'],
    isEntry: true,
    isDynamicEntry: false,
    isImplicitEntry: false,
    map: null,
    sourcemapFileName: null,
  };
}
