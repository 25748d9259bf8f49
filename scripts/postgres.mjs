// Starts a real PostgreSQL on loopback, in a directory of its own: for the tests and benchmarks. Uses nothing but Node itself.
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.mjs';

const ready = 60_000;

/** Why no PostgreSQL can be started here; `undefined` when one can. */
export function whyNoPostgres() {
  if (findBinaries() === undefined) return 'there is no PostgreSQL (initdb and postgres)';
  if (process.getuid?.() === 0 && unprivilegedUser() === undefined) return 'PostgreSQL does not run as root';
  return undefined;
}

/** The directory of the binaries, `''` when they are on the path: Debian's package puts them elsewhere. */
function findBinaries() {
  const debian = '/usr/lib/postgresql';
  const versions = (() => {
    try {
      return readdirSync(debian);
    } catch {
      return [];
    }
  })();
  const newestFirst = versions
    .map(Number)
    .filter(Number.isFinite)
    .sort((a, b) => b - a);
  const candidates = ['', ...newestFirst.map((version) => join(debian, String(version), 'bin'))];
  return candidates.find((directory) =>
    ['initdb', 'postgres'].every((name) => spawnSync(join(directory, name), ['--version']).status === 0),
  );
}

/** PostgreSQL refuses to run as root: its ids, when this process is root. */
function unprivilegedUser() {
  for (const name of ['postgres', 'nobody']) {
    const id = (option) => Number(spawnSync('id', [option, name], { encoding: 'utf8' }).stdout || Number.NaN);
    const [uid, gid] = [id('-u'), id('-g')];
    if (uid > 0 && gid > 0) return { uid, gid };
  }
  return undefined;
}

/**
 * Starts a server on a free port of 127.0.0.1, with the database `postgres` and the user `dstream`, who needs no password.
 *
 * @param {{ settings?: Record<string, string | number> }} [options]
 */
export async function startPostgres({ settings = {} } = {}) {
  const reason = whyNoPostgres();
  if (reason !== undefined) throw new Error(reason);
  const binaries = findBinaries() ?? '';
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  const directory = mkdtempSync(join(tmpdir(), 'dstream-postgres-'));
  if (user) chownSync(directory, user.uid, user.gid);
  const options = { ...user, cwd: directory, env: { ...process.env, HOME: directory, PGDATA: undefined } };
  const data = join(directory, 'data');
  const create = ['-D', data, '-U', 'dstream', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
  const made = spawnSync(join(binaries, 'initdb'), create, { ...options, encoding: 'utf8' });
  if (made.status !== 0) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`initdb failed: ${made.stderr}`);
  }
  const [port] = await freePorts(1);
  const all = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', ...settings };
  const args = ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const server = spawn(join(binaries, 'postgres'), args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      const timer = setTimeout(() => server.kill('SIGQUIT'), 10_000);
      await gone;
      clearTimeout(timer);
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `postgres://dstream@127.0.0.1:${port}/postgres`, pid: server.pid, stop };
}

/** It says so in its log. */
function untilReady(server) {
  return new Promise((resolve, reject) => {
    let log = '';
    const fail = (why) => {
      clearTimeout(timer);
      reject(new Error(`PostgreSQL did not start: ${why}\n${log}`));
    };
    const timer = setTimeout(() => fail('it took too long'), ready);
    server.once('error', (error) => fail(String(error)));
    server.once('exit', (code) => fail(`it ended with ${code}`));
    server.stderr.on('data', (text) => {
      log = (log + text).slice(-4_000);
      if (!log.includes('ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
  });
}
