// Writes a page for every public name into docs/api/, from the types and doc comments of the source. The
// pages are Markdown, so that search, links, and the Run button of their examples are those of the other pages.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, ReflectionKind } from 'typedoc';
import { escapeHtml } from './escapeHtml.mjs';

const docs = fileURLToPath(new URL('..', import.meta.url));
const root = dirname(docs.replace(/\/$/, ''));
const entries = ['index', 'aggregators', 'kafka', 'node', 'opentelemetry', 'prometheus', 'testing', 'workers'];
const moduleOf = (entry) => (entry === 'index' ? 'dstream' : `dstream/${entry}`);
const folderOf = (entry) => (entry === 'index' ? 'core' : entry);

/** Sections of an entry's list, in this order. */
const kinds = [
  ['Functions', ReflectionKind.Function],
  ['Classes', ReflectionKind.Class],
  ['Values', ReflectionKind.Variable],
  ['Types', ReflectionKind.Interface | ReflectionKind.TypeAlias],
];

async function convert({ program, sources }) {
  const app = await Application.bootstrap({
    // The program is there already: see types.mjs.
    entryPoints: [],
    tsconfig: join(root, 'tsconfig.build.json'),
    excludeInternal: true,
    excludePrivate: true,
    excludeProtected: true,
    excludeExternals: true,
    disableGit: true,
    sourceLinkTemplate: '{path}',
    sort: ['source-order'],
    preservedTypeAnnotationTags: ['@throws'],
    blockTags: [
      '@param',
      '@returns',
      '@throws',
      '@see',
      '@example',
      '@default',
      '@deprecated',
      '@typeParam',
      '@remarks',
    ],
    validation: { notExported: true, invalidLink: false, rewrittenLink: false, notDocumented: false },
    logLevel: 'Warn',
    skipErrorChecking: true,
  });
  const project = await app.converter.convert(
    entries.map((entry) => ({ displayName: entry, program, sourceFile: program.getSourceFile(sources.get(entry)) })),
  );
  if (!project) throw new Error('TypeDoc could not read the source');
  // Says which types a signature uses that no entry exports: a reader could not look them up.
  app.validate(project);
  return project;
}

/** Every public name: its entry, its address, and what TypeDoc knows of it. */
function namesOf(project) {
  const names = [];
  for (const entry of entries) {
    const module = project.children.find(({ name }) => name === entry);
    if (!module) throw new Error(`TypeDoc has no entry ${entry}`);
    for (const child of module.children ?? []) {
      const target = child.isReference?.() ? child.getTargetReflectionDeep() : child;
      const link = `/api/${folderOf(entry)}/${child.name}`;
      // `health` and `Health`: where a file system takes both for one name, so that both have a page.
      const taken = names.find((other) => other.link.toLowerCase() === link.toLowerCase());
      const isType = /^[A-Z]/.test(child.name);
      if (taken && !isType) taken.link += '-type';
      names.push({ entry, name: child.name, link: taken && isType ? `${link}-type` : link, reflection: target });
    }
  }
  return names;
}

/** Vue reads braces in Markdown. */
const inert = (html) => html.replaceAll('{', '&#123;').replaceAll('}', '&#125;').replaceAll('|', '&#124;');

/** A table without the columns that are empty in every row. */
function table(head, rows) {
  const used = head.map((_, column) => rows.some((row) => row[column] !== ''));
  const line = (cells) => `| ${cells.filter((_, column) => used[column]).join(' | ')} |`;
  return rows.length === 0 ? '' : [head, head.map(() => '---'), ...rows].map(line).join('\n').concat('\n');
}

class Renderer {
  #links;
  #operators;

  constructor(names, operators) {
    // The first entry that has a name is the one to link to.
    this.#links = new Map([...names].reverse().map(({ name, link }) => [name, link]));
    this.#operators = operators;
  }

  /** Code whose public names are links. */
  #code(text, own) {
    const html = escapeHtml(text).replaceAll(/[A-Za-z_$][\w$]*/g, (name, at, all) => {
      const link = this.#links.get(name);
      const isWord = !/[\w.'"&]/.test(all[at - 1] ?? '') && !/^['":?]/.test(all.slice(at + name.length));
      return link && name !== own && isWord && /^[A-Z]/.test(name) ? `<a href="${link}">${name}</a>` : name;
    });
    return inert(html);
  }

  #inline(text, own) {
    return `<code v-pre>${this.#code(text.replaceAll(/\s+/g, ' '), own)}</code>`;
  }

  /** A signature as a block, one parameter a line where it is long. */
  #block(text, own) {
    const html = this.#code(text, own).replaceAll('\n', '<br>').replaceAll('  ', '&nbsp; ');
    return `<div class="signature" role="group" aria-label="Signature"><code v-pre>${html}</code></div>\n`;
  }

  #text(parts = []) {
    return parts
      .map((part) => {
        if (part.kind !== 'inline-tag') return part.text;
        const name = part.text.trim();
        const shown = `\`${name}\``;
        const link = this.#linkOf(name);
        return link ? `[${shown}](${link})` : shown;
      })
      .join('')
      .trim();
  }

  #linkOf(name) {
    const [first] = name.split('.');
    return this.#links.get(first);
  }

  #cell(parts) {
    return this.#text(parts).replaceAll(/\n\n+/g, '<br>').replaceAll('\n', ' ').replaceAll('|', '\\|');
  }

  #typeParameters(list) {
    if (!list?.length) return '';
    const one = (p) => `${p.name}${p.type ? ` extends ${p.type}` : ''}${p.default ? ` = ${p.default}` : ''}`;
    return `<${list.map(one).join(', ')}>`;
  }

  #signature(signature, name = signature.name) {
    const parameters = (signature.parameters ?? []).map((p) => {
      const optional = p.flags.isOptional || p.defaultValue !== undefined ? '?' : '';
      return `${p.flags.isRest ? '...' : ''}${p.name === '__namedParameters' ? 'options' : p.name}${optional}: ${p.type}`;
    });
    const head = `${name}${this.#typeParameters(signature.typeParameters)}`;
    const line = `${head}(${parameters.join(', ')}): ${signature.type}`;
    return line.length <= 90 ? line : `${head}(\n${parameters.map((p) => `  ${p},\n`).join('')}): ${signature.type}`;
  }

  #comment(comment, { skip = [] } = {}) {
    if (!comment) return '';
    const tags = comment.blockTags.filter(({ tag }) => !skip.includes(tag));
    const of = (tag) => tags.filter((block) => block.tag === tag);
    const parts = [this.#text(comment.summary)];
    for (const { content } of of('@deprecated')) parts.push(`**Deprecated**: ${this.#text(content)}`);
    for (const { content } of of('@returns')) parts.push(`**Returns** ${this.#text(content)}`);
    const throws = of('@throws').map(({ content, typeAnnotation }) => {
      const name = typeAnnotation?.replaceAll(/[{}]/g, '') ?? '';
      const link = this.#links.get(name);
      const error = link ? `[\`${name}\`](${link})` : name && `\`${name}\``;
      return `- ${error} ${this.#text(content).replaceAll('\n', ' ')}`;
    });
    if (throws.length > 0) parts.push(`**Fails with**\n\n${throws.join('\n')}`);
    for (const { content } of of('@example')) parts.push(`**Example**\n\n${this.#text(content)}`);
    const see = of('@see').flatMap(({ content }) =>
      this.#text(content)
        .split('\n')
        .map((line) => line.replace(/^ ?- /, '')),
    );
    if (see.length > 0) parts.push(`**See also**: ${see.join(', ')}`);
    return `${parts.filter(Boolean).join('\n\n')}\n`;
  }

  #members(reflection) {
    const members = (reflection.children ?? []).filter(
      ({ kind, flags, inheritedFrom, sources }) =>
        kind !== ReflectionKind.Constructor &&
        !flags.isPrivate &&
        !(inheritedFrom && !sources?.some(({ fileName }) => fileName.includes('src/'))),
    );
    if (members.length === 0) return '';
    const rows = members.map((member) => {
      const signature = member.signatures?.[0] ?? member.getSignature;
      const comment = member.comment ?? signature?.comment;
      const type = member.signatures
        ? this.#signature(signature, '').replaceAll(/\s+/g, ' ')
        : String(member.type ?? signature?.type ?? '');
      const given = comment?.blockTags.find(({ tag }) => tag === '@default');
      const value = given
        ? this.#text(given.content)
            .replace(/^```\w*\n([\s\S]*?)\n?```$/, '$1')
            .trim()
        : '';
      const defaultText =
        value === '' ? (member.flags.isOptional ? 'optional' : '') : `\`${value.replaceAll('`', '')}\``;
      const name = `<span id="${member.name.toLowerCase().replaceAll(/\W/g, '')}">\`${member.name}${member.signatures ? '()' : ''}\`</span>`;
      const text = this.#cell(comment?.summary);
      return [name, this.#inline(type, reflection.name), defaultText.replaceAll('|', '\\|'), text];
    });
    return `## Members\n\n${table(['name', 'type', 'default', 'meaning'], rows)}`;
  }

  #function(reflection) {
    return reflection.signatures
      .map((signature) => {
        const comment = signature.comment ?? reflection.comment;
        const rows = (signature.parameters ?? []).map((p) => {
          const from = p.comment ? this.#cell(p.comment.summary) : '';
          const name = p.name === '__namedParameters' ? 'options' : p.name;
          const given =
            p.defaultValue && p.defaultValue !== '...'
              ? `\`${p.defaultValue.replaceAll('|', '\\|')}\``
              : p.flags.isOptional
                ? 'optional'
                : '';
          return [`\`${name}\``, this.#inline(String(p.type), ''), given ?? '', from];
        });
        const parameters = table(['argument', 'type', 'default', 'meaning'], rows);
        return `${this.#block(this.#signature(signature), signature.name)}\n${this.#comment(comment)}\n${parameters}`;
      })
      .join('\n');
  }

  #class(reflection) {
    const construct = reflection.children?.find(({ kind }) => kind === ReflectionKind.Constructor)?.signatures?.[0];
    const extended = reflection.extendedTypes?.length ? ` extends ${reflection.extendedTypes.join(', ')}` : '';
    const head = `class ${reflection.name}${this.#typeParameters(reflection.typeParameters)}${extended}`;
    const fromHere = construct && !construct.inheritedFrom;
    const calls = fromHere ? this.#block(this.#signature(construct, `new ${reflection.name}`), reflection.name) : '';
    return `${this.#block(head, reflection.name)}\n${this.#comment(reflection.comment)}\n${calls}\n${this.#members(reflection)}`;
  }

  #type(reflection) {
    const parameters = this.#typeParameters(reflection.typeParameters);
    if (reflection.kind === ReflectionKind.Interface) {
      const extended = reflection.extendedTypes?.length ? ` extends ${reflection.extendedTypes.join(', ')}` : '';
      const calls = (reflection.signatures ?? []).map((signature) =>
        this.#block(this.#signature(signature, ''), reflection.name),
      );
      const head = this.#block(`interface ${reflection.name}${parameters}${extended}`, reflection.name);
      return `${head}\n${this.#comment(reflection.comment)}\n${calls.join('')}\n${this.#members(reflection)}`;
    }
    const object = reflection.type?.type === 'reflection' ? reflection.type.declaration : undefined;
    const signature = object?.signatures?.[0];
    const right = signature
      ? this.#signature(signature, '').replace('): ', ') => ')
      : object
        ? '{ … }'
        : String(reflection.type);
    const members = object?.children ? this.#members(object) : '';
    return `${this.#block(`type ${reflection.name}${parameters} = ${right}`, reflection.name)}\n${this.#comment(reflection.comment ?? signature?.comment)}\n${members}`;
  }

  #value(reflection) {
    return `${this.#block(`const ${reflection.name}: ${reflection.type}`, reflection.name)}\n${this.#comment(reflection.comment)}`;
  }

  page({ entry, name, reflection }, usedBy) {
    const is = (kind) => reflection.kind === kind;
    const body = is(ReflectionKind.Function)
      ? this.#function(reflection)
      : is(ReflectionKind.Class)
        ? this.#class(reflection)
        : is(ReflectionKind.Variable)
          ? this.#value(reflection)
          : this.#type(reflection);
    const source = reflection.sources?.[0]?.fullFileName?.replace(`${root}/`, '') ?? '';
    const typeOnly = reflection.kind & (ReflectionKind.Interface | ReflectionKind.TypeAlias) ? 'type ' : '';
    const guide = this.#operators.has(name) ? `Explained, with pictures: [${name}](/operators/${name}).\n\n` : '';
    const users = usedBy.filter((other) => other.name !== name).slice(0, 12);
    const links = users.map((other) => `[\`${other.name}\`](${other.link})`).join(', ');
    const text = this.summary({ reflection }).replaceAll(/\[([^\]]*)\]\([^)]*\)|`|\\/g, '$1');
    const description = text || `${name}, exported by ${moduleOf(entry)}.`;
    return [
      `---\ndescription: ${JSON.stringify(description)}`,
      `source: ${source}\neditLink: false\n---`,
      `# ${name}\n`,
      `<p class="import"><code v-pre>import ${inert(`{ ${typeOnly}${name} }`)} from '${moduleOf(entry)}';</code></p>\n`,
      guide + body,
      links && `\nUsed by ${links}.\n`,
    ].join('\n');
  }

  summary({ reflection }) {
    const comment = reflection.comment ?? reflection.signatures?.[0]?.comment;
    const text = this.#text(comment?.summary).split(/(?<=[.:])\s/)[0] ?? '';
    return text.replaceAll('\n', ' ').replaceAll('|', '\\|').replace(/:$/, '.');
  }
}

/** Writes the pages. Returns the public names. */
export async function writeApi(opened, operators, folder = join(docs, 'api')) {
  const names = namesOf(await convert(opened));
  const renderer = new Renderer(names, operators);
  rmSync(folder, { recursive: true, force: true });
  const pages = names.map((item) => ({ ...item, text: renderer.page(item, []) }));
  for (const page of pages) {
    const usedBy = pages.filter(
      ({ text, name }) => name !== page.name && text.includes(`href="${page.link}"`) && /^[a-z]/.test(name),
    );
    const path = join(folder, `${page.link.replace('/api/', '')}.md`);
    mkdirSync(dirname(path), { recursive: true });
    if (existsSync(path)) throw new Error(`two public names have the page ${page.link}`);
    writeFileSync(path, usedBy.length === 0 ? page.text : renderer.page(page, usedBy));
  }
  const lists = entries.map((entry) => {
    const own = names.filter((item) => item.entry === entry);
    const sections = kinds.map(([title, kind]) => {
      const rows = own
        .filter(({ reflection }) => reflection.kind & kind)
        .sort((a, b) => a.name.localeCompare(b.name))
        .map((item) => `| [\`${item.name}\`](${item.link}) | ${renderer.summary(item)} |`);
      return rows.length === 0
        ? ''
        : `### ${title} of ${moduleOf(entry)}\n\n| name | |\n| --- | --- |\n${rows.join('\n')}\n`;
    });
    return `## ${moduleOf(entry)}\n\n${sections.filter(Boolean).join('\n')}`;
  });
  const intro =
    'Every public name, by the entry that exports it. The pages are made from the source and its doc comments.';
  writeFileSync(
    join(folder, 'index.md'),
    `---\neditLink: false\n---\n# API reference\n\n${intro}\n\n${lists.join('\n')}`,
  );
  const list = names.map(({ entry, name, link }) => ({ module: moduleOf(entry), name, link }));
  writeFileSync(join(folder, 'names.json'), `${JSON.stringify(list)}\n`);
  return list;
}
