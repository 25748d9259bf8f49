// npm run size: what an import costs in a browser, minified and compressed, peers left out, and the page of the dashboard. Fails over
// the limit.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { buildPage } from './build-page.mjs';
import { ensureInstalled, root } from './install.mjs';

ensureInstalled();
/** Bytes after gzip, about a tenth above the size when they were last set. A change that is worth it may raise one; its commit says why. */
const limits = [
  { what: 'mapRecords alone', code: "export { mapRecords } from './src/index.ts'", bytes: 2_400 },
  { what: 'everything in dstream', code: "export * from './src/index.ts'", bytes: 117_500 },
  { what: 'everything in dstream/aggregators', code: "export * from './src/aggregators.ts'", bytes: 5_100 },
  { what: 'everything in dstream/opentelemetry', code: "export * from './src/opentelemetry.ts'", bytes: 9_300 },
  { what: 'everything in dstream/testing', code: "export * from './src/testing.ts'", bytes: 24_500 },
];

let failed = false;
for (const { what, code, bytes } of limits) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['rxjs', 'rxjs/*', '@opentelemetry/api'],
  });
  const [{ contents }] = outputFiles;
  const size = gzipSync(contents).length;
  failed ||= size > bytes;
  console.log(
    `${what.padEnd(36)}${size} bytes of ${bytes} (${contents.length} before gzip)${size > bytes ? ': TOO LARGE' : ''}`,
  );
}
/** The page of the dashboard, in bytes as they are served: nothing is compressed on loopback. */
const maxPageBytes = 100_000;
const folder = await buildPage(mkdtempSync(join(tmpdir(), 'dstream-page-')));
const page = readdirSync(folder).reduce((sum, file) => sum + readFileSync(join(folder, file)).length, 0);
rmSync(folder, { recursive: true });
failed ||= page > maxPageBytes;
console.log(
  `the page of the dashboard           ${page} bytes of ${maxPageBytes}${page > maxPageBytes ? ': TOO LARGE' : ''}`,
);
process.exit(failed ? 1 : 0);
