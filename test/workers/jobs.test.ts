import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { InvalidOptionError } from 'dstream';
import type { RunInThreadsOptions } from 'dstream/workers';
import { describe, expect, it } from 'vitest';
import { jobThreads } from '../../src/workers/jobThread.js';
import { runJob } from '../../src/workers/runInThreads.js';
import { threadEntry } from '../support/threadEntry.js';
import { niceOf } from './jobs/niceOf.mjs';

// Real threads that run jobs.

const acts = new URL('./jobs/acts.mjs', import.meta.url);
const entry = threadEntry('jobWorker');

/** The job, and what its threads have said: by a channel of their own, so it may come after what the job says itself. */
function start(act: string, options: RunInThreadsOptions = {}, url = acts) {
  const name = randomUUID();
  const channel = new BroadcastChannel(name);
  const said: string[] = [];
  const waiting: (() => void)[] = [];
  channel.onmessage = ({ data }: { data: string }) => {
    said.push(data);
    for (const heard of waiting.splice(0)) heard();
  };
  const worker = { env: { ...process.env, CHANNEL: name, ACT: act } };
  const { niceness = 5 } = options;
  const job = runJob(jobThreads(url, worker, niceness, entry), url, { signals: [], retry: { delay: 1 }, ...options });
  const says = async (line: string) => {
    while (!said.includes(line)) await new Promise<void>((heard) => waiting.push(heard));
  };
  return { job, said, says, close: () => channel.close() };
}

describe('runInThreads, in threads', () => {
  it('restarts a thread that exits, and stops all at a signal, whose handlers are gone then', async () => {
    const before = process.listenerCount('SIGUSR2');
    const { job, said, says, close } = start('exit', { threads: 2, signals: ['SIGUSR2'] });
    await Promise.all([says('thread 0 of 2, restart 1'), says('thread 1 of 2, restart 1')]);
    process.kill(process.pid, 'SIGUSR2');
    await job.ended;
    await Promise.all([says('thread 0 stops within undefined'), says('thread 1 stops within undefined')]);
    expect(said.filter((line) => line.includes('stops'))).toHaveLength(2);
    expect(job.threads.map(({ status, restarts }) => [status, restarts])).toEqual([
      ['ended', 1],
      ['ended', 1],
    ]);
    expect(process.listenerCount('SIGUSR2')).toBe(before);
    close();
  });

  it.each([5, 0])(
    'runs them at a priority that is lower by %d, and leaves that of the main thread',
    async (niceness) => {
      const before = niceOf('self');
      const { job, says, close } = start('nice', { threads: 2, niceness });
      await Promise.all([0, 1].map((index) => says(`thread ${index} has nice ${before + niceness}`)));
      expect(niceOf('self')).toBe(before);
      await job.stop();
      close();
    },
  );

  it('passes the limit on to the job, and ends a thread that does not keep to it', async () => {
    const graceful = start('', { threads: 1 });
    await graceful.says('thread 0 of 1, restart 0');
    expect(await graceful.job.stop({ drainTimeout: 60_000 })).toEqual([{ index: 0, terminated: false }]);
    await graceful.says('thread 0 stops within 60000');
    graceful.close();
    const hanging = start('ignore', { threads: 1, stopTimeout: 1 });
    await hanging.says('thread 0 of 1, restart 0');
    {
      await using job = hanging.job;
      expect(job.threads).toHaveLength(1);
    }
    expect(hanging.job.threads).toMatchObject([{ status: 'ended' }]);
    hanging.close();
  });

  it('fails by what a job fails with that cannot be retried, and by a module that is no job', async () => {
    const failing = start('fail', { threads: 1 });
    await expect(failing.job.ended).rejects.toMatchObject({ name: 'RangeError', message: 'too much' });
    failing.close();
    const empty = start('', { threads: 1 }, new URL('./jobs/empty.mjs', import.meta.url));
    await expect(empty.job.ended).rejects.toBeInstanceOf(InvalidOptionError);
    empty.close();
  });
});
