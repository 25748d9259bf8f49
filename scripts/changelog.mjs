// Changesets write the entry of a release directly below the title of CHANGELOG.md. These two functions keep the introduction in
// its place, and make the section `## Unreleased` a part of the entry.

/**
 * Takes out what Changesets must not see.
 *
 * @param {string} text CHANGELOG.md
 */
export function takeOut(text) {
  const [introduction = '', ...sections] = sectionsOf(text);
  const unreleased = sections.find((section) => section.startsWith('## Unreleased'));
  const [title] = introduction.split('\n', 1);
  return {
    introduction,
    /** Without its heading. */
    unreleased: unreleased === undefined ? '' : bodyOf(unreleased),
    rest: [`${title}\n\n`, ...sections.filter((section) => section !== unreleased)].join(''),
  };
}

/**
 * Puts it back in, around the new entry.
 *
 * @param {string} text CHANGELOG.md as Changesets left it
 * @param {Pick<ReturnType<typeof takeOut>, 'introduction' | 'unreleased'>} taken
 */
export function putBack(text, { introduction, unreleased }) {
  const [, entry = '', ...older] = sectionsOf(text);
  const [heading = ''] = entry.split('\n', 1);
  const parts = [introduction, heading, unreleased, bodyOf(entry), ...older];
  return `${parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('\n\n')}\n`;
}

/** The introduction, then a part for each heading of the second level. */
function sectionsOf(text) {
  return text.split(/^(?=## )/m);
}

function bodyOf(section) {
  return section.slice(section.indexOf('\n') + 1);
}
