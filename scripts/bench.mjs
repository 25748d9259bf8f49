// npm run bench -- NAME [options]: runs one of the benchmarks of bench/.
import { readdirSync } from 'node:fs';
import { ensureInstalled, root, run } from './install.mjs';

ensureInstalled();
const [name, ...args] = process.argv.slice(2);
const known = readdirSync(new URL('../bench', import.meta.url)).flatMap(
  (file) => /^(\w+)\.bench\.ts$/.exec(file)?.[1] ?? [],
);
if (!known.includes(name)) {
  console.error(`npm run bench -- NAME, with one of: ${known.join(', ')}`);
  process.exit(1);
}
process.exit(run(process.execPath, ['--expose-gc', '--import', 'tsx', `${root}/bench/${name}.bench.ts`, ...args]));
