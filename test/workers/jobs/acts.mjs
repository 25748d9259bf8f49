// A job for jobs.test.ts: does what it is told by `env`, and says on a channel what happens.
import { BroadcastChannel } from 'node:worker_threads';
import { NEVER, Subject, throwError } from 'rxjs';
import { niceOf } from './niceOf.mjs';

const channel = new BroadcastChannel(process.env.CHANNEL);
channel.unref();

export default ({ index, threads, restarts, onStop }) => {
  channel.postMessage(`thread ${index} of ${threads}, restart ${restarts}`);
  const act = process.env.ACT;
  if (act === 'exit' && restarts === 0) process.exit(3);
  if (act === 'nice') channel.postMessage(`thread ${index} has nice ${niceOf('thread-self')}`);
  if (act === 'fail') return throwError(() => Object.assign(new RangeError('too much'), { retriable: false }));
  if (act === 'ignore') {
    onStop(() => new Promise(() => {}));
    return NEVER;
  }
  const done = new Subject();
  onStop(async ({ drainTimeout }) => {
    channel.postMessage(`thread ${index} stops within ${drainTimeout}`);
    done.complete();
  });
  return done;
};
