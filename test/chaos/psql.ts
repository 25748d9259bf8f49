import { spawnSync } from 'node:child_process';

/** Runs SQL with PostgreSQL's own client. Returns the rows, their columns separated by `|`. */
export function psql(url: string, sql: string): readonly string[] {
  const { status, stdout, stderr, error } = spawnSync(
    'psql',
    ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set=ON_ERROR_STOP=1', url],
    { input: sql, encoding: 'utf8', maxBuffer: 2 ** 30 },
  );
  if (status !== 0) throw new Error(`psql failed: ${error ?? stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}
