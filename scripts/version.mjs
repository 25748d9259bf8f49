// npm run release:version: sets the version and writes the changelog from the changesets. The release workflow calls it.
import { readFileSync, writeFileSync } from 'node:fs';
import { putBack, takeOut } from './changelog.mjs';
import { ensureInstalled, root, run } from './install.mjs';

ensureInstalled();
const changelog = `${root}CHANGELOG.md`;
const version = () => JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version;

const before = { version: version(), text: readFileSync(changelog, 'utf8') };
const taken = takeOut(before.text);
writeFileSync(changelog, taken.rest);
const code = run('npx', ['changeset', 'version']);
const released = code === 0 && version() !== before.version;
if (released) writeFileSync(`${root}src/batch/version.ts`, versionFile(version()));
writeFileSync(changelog, released ? putBack(readFileSync(changelog, 'utf8'), taken) : before.text);
process.exit(code || (released ? run('npm', ['install', '--package-lock-only', '--no-audit', '--no-fund']) : 0));

function versionFile(version) {
  return `/** The version of the package. \`npm run release:version\` writes this file. */
export const version = '${version}';
`;
}
