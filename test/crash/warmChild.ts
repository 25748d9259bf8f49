import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { buildChild } from './buildChild.js';

/**
 * Runs a script with what V8 has compiled of it in an earlier process: to compile it takes most of the time until it runs. A process that
 * ends by itself writes that, for the next ones.
 */
const loader = `
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { wrap } = require('node:module');
const { dirname } = require('node:path');
const { Script } = require('node:vm');
const filename = process.env.WARM_CHILD;
const cache = filename + '.cache';
const cachedData = existsSync(cache) ? readFileSync(cache) : undefined;
const script = new Script(wrap(readFileSync(filename, 'utf8')), { filename, cachedData });
process.on('exit', () => writeFileSync(cache, script.createCachedData()));
script.runInThisContext()(exports, require, module, filename, dirname(filename));
`;

/** A program that is started again and again. */
export interface WarmChild {
  /** To be started with `env`. */
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  remove(): void;
}

/** Builds a program that ends by itself once its stdin has ended. */
export async function buildWarmChild(entry: URL): Promise<WarmChild> {
  const script = await buildChild(entry, 'cjs');
  const file = script.replace(/\.cjs$/, '-loader.cjs');
  const env = { ...process.env, WARM_CHILD: script };
  writeFileSync(file, loader);
  const { stderr, error } = spawnSync(process.execPath, [file], { env, input: '', encoding: 'utf8' });
  if (error || stderr) throw error ?? new Error(stderr);
  return {
    file,
    env,
    remove: () => {
      for (const path of [file, script, `${script}.cache`]) rmSync(path, { force: true });
    },
  };
}
