import { describe, expect, it } from 'vitest';
import { putBack, takeOut } from '../../scripts/changelog.mjs';

const introduction = '# Changelog\n\nAll notable changes.\n\n';
const older = '## 0.1.0\n\n- Old.\n';
/** What `changeset version` does: the entry follows the title. */
const withEntry = (text: string) => text.replace('\n', '\n\n## 0.2.0\n\n### Minor Changes\n\n- New.\n');

describe('the changelog of a release', () => {
  it('keeps the introduction above the new entry', () => {
    const taken = takeOut(introduction + older);
    expect(putBack(withEntry(taken.rest), taken)).toBe(
      '# Changelog\n\nAll notable changes.\n\n## 0.2.0\n\n### Minor Changes\n\n- New.\n\n## 0.1.0\n\n- Old.\n',
    );
  });

  it('makes what is unreleased a part of the entry', () => {
    const taken = takeOut(`${introduction}## Unreleased\n\n### Added\n\n- Windows.\n\n${older}`);
    expect(taken.rest).not.toContain('Windows');
    expect(putBack(withEntry(taken.rest), taken)).toBe(
      '# Changelog\n\nAll notable changes.\n\n## 0.2.0\n\n### Added\n\n- Windows.\n\n### Minor Changes\n\n- New.\n\n## 0.1.0\n\n- Old.\n',
    );
  });

  it('is the first entry where nothing has been released yet', () => {
    const taken = takeOut(`${introduction}## Unreleased\n\n- Windows.\n`);
    expect(putBack(withEntry(taken.rest), taken)).toBe(
      '# Changelog\n\nAll notable changes.\n\n## 0.2.0\n\n- Windows.\n\n### Minor Changes\n\n- New.\n',
    );
  });
});
