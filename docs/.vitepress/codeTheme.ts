/**
 * Colors of code, as variables of the style sheet: so one pass of the highlighter serves light and dark, where VitePress makes one for each of
 * two themes, and a name carries one short color. The editor of examples has the same (`run/editor.ts`).
 */
const colors: Readonly<Record<string, readonly string[]>> = {
  'var(--code-comment)': ['comment', 'punctuation.definition.comment'],
  'var(--code-string)': ['string', 'punctuation.definition.string', 'string.regexp'],
  'var(--code-keyword)': ['keyword', 'storage', 'variable.language'],
  'var(--code-number)': ['constant', 'support.type.primitive', 'support.type.property-name', 'entity.name.tag.yaml'],
  'var(--code-function)': ['entity.name.function', 'support.function', 'entity.name.tag'],
  'var(--code-type)': ['entity.name.type', 'entity.name.class', 'support.class', 'support.type', 'variable.parameter'],
  'var(--vp-c-text-1)': ['keyword.operator.type.annotation', 'punctuation', 'meta.import variable.other.readwrite'],
};

export const codeTheme = {
  name: 'dstream',
  type: 'light' as const,
  colors: { 'editor.foreground': 'var(--vp-c-text-1)', 'editor.background': 'var(--vp-code-block-bg)' },
  settings: Object.entries(colors).map(([foreground, scope]) => ({ scope: [...scope], settings: { foreground } })),
};
