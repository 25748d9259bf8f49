// Runs the modules that it is given, one after the other, and tells for each what it printed and whether it failed. The next
// one begins when the event loop is empty: so one that never comes to its end is known by name.
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { steadyClock } from './steadyClock.js';

// By the machine's own clock.
const { setTimeout: later, setInterval: stayAlive, clearInterval: letGo } = globalThis;

const limit = 300_000;
const files = process.argv.slice(2);
let run: { readonly file: string; readonly lines: string[]; error?: string } | undefined;

console.log = (...args: unknown[]): void => {
  const lines = format(...args).split('\n');
  run?.lines.push(...lines.map((line) => line.trim()));
};

function fail(error: unknown): void {
  if (run) run.error ??= String(error);
}

function tell(): void {
  if (run) process.stdout.write(`${JSON.stringify(run)}\n`);
}

function next(): void {
  tell();
  const file = files.shift();
  run = undefined;
  if (file === undefined) return;
  const current = { file, lines: [] };
  run = current;
  // Node ends when nothing is left to do after `beforeExit`, and to load a module may be over by then (it is in Node 24).
  const alive = stayAlive(() => {}, limit);
  import(pathToFileURL(file).href).catch(fail).finally(() => setImmediate(() => letGo(alive)));
  const giveUp = () => {
    if (run !== current) return;
    fail(`it has not come to its end after ${limit} ms`);
    tell();
    process.exit(1);
  };
  // Does not keep the loop alive itself.
  later(giveUp, limit).unref();
}

steadyClock();
process.on('uncaughtException', fail);
process.on('beforeExit', next);
