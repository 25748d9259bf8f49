// npm run example NAME [-- OPTIONS]: runs an app of examples/ with the library of this repository. NAME/FILE runs another file of it, such as
// clickstream/produce.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

const [target = '', ...args] = process.argv.slice(2);
const [name, file = 'main'] = target.split('/');
const path = join('examples', name ?? '', `${file}.ts`);
if (target === '' || !existsSync(join(root, path))) {
  const names = readdirSync(join(root, 'examples')).filter((folder) =>
    existsSync(join(root, 'examples', folder, 'main.ts')),
  );
  console.error(`npm run example NAME, where NAME is one of: ${names.join(', ')}`);
  process.exit(1);
}
ensureInstalled();
const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], { cwd: root, stdio: 'inherit' });
// The example stops gracefully by itself; this parent only waits for it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
