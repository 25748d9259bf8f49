import { type Tag, tags } from '@lezer/highlight';

/** The colors of code, on the pages and in the editor: what has one, and the variable of the style sheet, so that it follows light and dark. */
export const codeColors: readonly { readonly tag: readonly Tag[]; readonly color: string }[] = [
  { tag: [tags.comment], color: 'var(--code-comment)' },
  {
    // Without the dot of a member, which is an operator too.
    tag: [
      tags.keyword,
      tags.arithmeticOperator,
      tags.compareOperator,
      tags.definitionOperator,
      tags.logicOperator,
      tags.updateOperator,
      tags.function(tags.punctuation),
    ],
    color: 'var(--code-keyword)',
  },
  { tag: [tags.string, tags.regexp], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-number)' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: 'var(--code-function)' },
  { tag: [tags.typeName, tags.className], color: 'var(--code-type)' },
];
