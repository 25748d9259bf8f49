// Runs a reader's program in a worker: prints as Node does, in virtual time or real time, with the library as its modules. Built into
// one script by build/sandbox.mjs, because a worker has no import map.
import * as dstream from 'dstream';
import * as aggregators from 'dstream/aggregators';
import * as dstreamTesting from 'dstream/testing';
import * as rxjs from 'rxjs';
import * as rxjsTesting from 'rxjs/testing';
import { installClock } from './clock.js';
import { inspected, printed } from './printed.js';

/** What a program asks for. */
export interface RunRequest {
  /** A CommonJS module. */
  readonly code: string;
  readonly time: 'virtual' | 'real';
}

/** What happens while it runs. */
export type RunEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'ended' };

const modules = new Map<string, object>([
  ['dstream', dstream],
  ['dstream/aggregators', aggregators],
  ['dstream/testing', dstreamTesting],
  ['rxjs', rxjs],
  ['rxjs/testing', rxjsTesting],
]);

const scope = globalThis as unknown as { postMessage(event: RunEvent): void; onmessage: unknown };
const send = scope.postMessage.bind(globalThis);

function required(name: string): object {
  const module = modules.get(name);
  if (!module)
    throw new Error(`'${name}' is not part of this page: a program here can import ${[...modules.keys()].join(', ')}`);
  return module;
}

function failed(error: unknown): void {
  send({ kind: 'error', text: `Uncaught ${inspected(error)}` });
}

function log(...values: readonly unknown[]): void {
  for (const text of printed(...values).split('\n')) send({ kind: 'line', text });
}

scope.onmessage = ({ data }: { readonly data: RunRequest }) => {
  Object.assign(console, { log, info: log, warn: log, error: log, debug: log });
  addEventListener('error', (event) => {
    event.preventDefault();
    failed((event as unknown as { readonly error: unknown }).error);
  });
  addEventListener('unhandledrejection', (event) => {
    event.preventDefault();
    failed((event as unknown as { readonly reason: unknown }).reason);
  });
  const clock = installClock({ time: data.time, idle: () => send({ kind: 'ended' }), failed });
  send({ kind: 'started' });
  const program = new Function('require', 'exports', `return (async () => {${data.code}\n})();`);
  program(required, {}).catch(failed);
  clock.start();
};
