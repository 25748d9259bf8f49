// The function that threads.test.ts runs in threads: what a record says happens.
import { existsSync, writeFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { niceOf } from './niceOf.mjs';

class Measure {
  constructor(value) {
    this.value = value;
  }
}

/** Exits once: whoever comes again finds the file. */
function exitOnce(path) {
  if (existsSync(path)) return 'came again';
  writeFileSync(path, '');
  process.exit(3);
}

const acts = {
  thread: () => threadId,
  measure: (value) => new Measure(value),
  bytes: (bytes) => [bytes.constructor.name, ...bytes],
  exit: exitOnce,
  hang: () => {
    while (true);
  },
  throw: (message) => {
    throw Object.assign(new TypeError(message), { sensor: 7 });
  },
  uncaught: () => {
    setTimeout(() => {
      throw new Error('nobody catches');
    });
    return new Promise(() => {});
  },
  nice: () => niceOf('thread-self'),
  same: (value) => value,
  exitLater: () => void setImmediate(() => process.exit(3)),
  make: () => () => 'a function',
  context: (_, context) => context,
};

export default async ({ records }, context) => {
  const results = [];
  for (const [act, value] of records) results.push(await acts[act](value, context));
  return results;
};
