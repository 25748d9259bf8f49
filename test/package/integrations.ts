import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { nightly } from '../support/nightly.js';

const run = promisify(execFile);
const integrations = fileURLToPath(new URL('../../examples/integrations', import.meta.url));

/** The integrations of `examples/`, which bring whole frameworks with them: each is installed with the packed package, compiled and tested. */
export function testIntegrations(tarball: () => string): void {
  if (!nightly) return;
  const folders = readdirSync(integrations, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  describe('the integrations of examples/', () => {
    it.each(folders.map(({ name }) => name))('%s', (name) => install(name, tarball()));
  });
}

async function install(name: string, tarball: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), `dstream-${name}-`));
  try {
    cpSync(join(integrations, name), folder, { recursive: true, filter: (path) => !path.includes('node_modules') });
    const path = join(folder, 'package.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as { dependencies: Record<string, string> };
    manifest.dependencies.dstream = `file:${tarball}`;
    writeFileSync(path, JSON.stringify(manifest));
    const npm = (...args: string[]) => run('npm', args, { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
    await npm('i', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts');
    await npm('run', 'types');
    // Rejects where a test fails.
    const { stdout } = await npm('test');
    const [notRun] = /NOT RUN: .*/.exec(stdout) ?? [];
    if (notRun) console.warn(`examples/integrations/${name}: ${notRun}`);
    else expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
