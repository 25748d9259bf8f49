// npm run docs [-- dev | types]: builds the site, or serves it and follows changes, or checks the types of its code. What the site shows of
// the library is made first: the reference and the code that runs examples, all from the source. The tools of the site are a package of
// their own, in docs/.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root, run } from './install.mjs';

const docs = join(root, 'docs');

ensureInstalled();
if (!existsSync(join(docs, 'node_modules/.package-lock.json'))) {
  console.log('dstream: installing the tools of the site (npm ci in docs/)');
  must('npm', ['ci', '--no-audit', '--no-fund'], { cwd: docs });
}
const [mode = 'build'] = process.argv.slice(2);
if (mode === 'types') checkTypes();
else await build();

async function build() {
  const { buildSandbox } = await import('./build-sandbox.mjs');
  await buildSandbox();
  must(process.execPath, [join(root, 'scripts/build-playground.mjs')]);
  showRuns();
  must(process.execPath, ['build/prepare.mjs'], { cwd: docs });
  must(process.execPath, ['node_modules/vitepress/bin/vitepress.js', mode], { cwd: docs });
}

/** Pictures and diagrams, from runs of the library. */
function showRuns() {
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
  must(process.execPath, ['--import', 'tsx', 'docs/build/runs.ts'], { env });
}

/** Of the site's own code, which imports what runs have shown. */
function checkTypes() {
  if (!existsSync(join(root, '.cache/docs/stories.json'))) showRuns();
  must(process.execPath, ['node_modules/vue-tsc/bin/vue-tsc.js', '--noEmit'], { cwd: docs });
}

function must(command, args, options) {
  const code = run(command, args, options);
  if (code !== 0) process.exit(code);
}
