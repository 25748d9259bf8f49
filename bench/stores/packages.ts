import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is compared with LMDB. Installed apart: the project depends on none of them. */
export const versions: Readonly<Record<string, string>> = {
  'classic-level': '3.0.0',
  'rocksdb-native': '3.18.1',
  'better-sqlite3': '13.2.0',
};

const folder = fileURLToPath(new URL('../../node_modules/.cache/dstream-stores/', import.meta.url));
const manifest = join(folder, 'package.json');

/** Installs the packages, each with the binary that it ships: no script may run, so nothing is compiled or downloaded beside it. */
export function installPackages(): void {
  const wanted = JSON.stringify({ private: true, dependencies: versions });
  if (existsSync(join(folder, 'node_modules/.package-lock.json'))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifest, wanted);
  // Engines are judged by what loads, not by what a package says of itself.
  const args = ['install', '--ignore-scripts', '--force', '--no-audit', '--no-fund'];
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: 'inherit' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed in ${folder}`);
}

export function loadPackage<T>(name: string): T {
  return createRequire(manifest)(name) as T;
}
