// npm run lines: how long the apps of examples/ are, and what the same parts are without the operators that were made for them. Counted are
// lines that are neither blank nor comment.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

/** Lines of code. */
export function countLines(text) {
  return text
    .replaceAll(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length;
}

const read = (path) => readFileSync(join(root, path), 'utf8');

/** The text from one line that contains `first` to the next one that is `last`. */
function part(path, first, last) {
  const lines = read(path).split('\n');
  const start = lines.findIndex((line) => line.includes(first));
  const end = lines.findIndex((line, i) => i >= start && line.includes(last));
  if (start < 0 || end < 0) throw new Error(`${path} has no part from ${first} to ${last}`);
  return lines.slice(start, end + 1).join('\n');
}

/** Lines that the operators made superfluous, and those that are left of them. */
export function comparisons() {
  const alerts = 'bench/lines/alertsWithoutTable.ts';
  const logs = 'bench/lines/logsWithoutLimiter.ts';
  const rows = [
    [
      'alerts',
      '`joinTable`',
      part(alerts, 'type Entry', '/** The table before'),
      part('examples/alerts/pipeline.ts', 'const overLimit', ');'),
    ],
    [
      'alerts',
      '`kafkaTable`',
      part(alerts, 'export async function readCards', 'return rows;'),
      part('examples/alerts/main.ts', 'cards: kafkaTable(', 'kafkaTable('),
    ],
    [
      'logs',
      '`rateLimiter`',
      part(logs, 'const waiting', 'const accepted'),
      part('examples/logs/incidents.ts', 'const limiter', 'const limiter'),
    ],
  ];
  return rows.map(([app, name, before, after]) => ({
    app,
    name,
    before: countLines(before),
    after: countLines(after),
  }));
}

/** Of the files of each app but its tests. */
export function appLines() {
  return ['clickstream', 'alerts', 'logs', 'sensors'].map((app) => {
    const files = readdirSync(join(root, 'examples', app)).filter(
      (file) => /\.ts$/.test(file) && !file.includes('.test.'),
    );
    const lines = Object.fromEntries(files.map((file) => [file, countLines(read(`examples/${app}/${file}`))]));
    return { app, pipeline: lines['pipeline.ts'], all: Object.values(lines).reduce((sum, n) => sum + n, 0) };
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  console.table(appLines());
  console.table(comparisons());
}
