import { type InvalidOptionError, ThreadExitedError, TimedOutError } from 'dstream';
import { type RunInThreadsOptions, runInThreads, type ThreadEvent } from 'dstream/workers';
import { config } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { alivePlace, type JobThreadData, type ToJobThread } from '../../src/workers/jobMessages.js';
import type { JobThreadEvents, StartJobThread } from '../../src/workers/jobThread.js';
import { runJob } from '../../src/workers/runInThreads.js';
import { takeDown } from '../../src/workers/thrownError.js';
import { virtual } from '../support/virtual.js';

// The supervisor in virtual time; jobs.test.ts has real threads.

const url = new URL('file:///job.js');

interface FakeThread {
  readonly data: Omit<JobThreadData, 'url' | 'niceness'>;
  readonly events: JobThreadEvents;
  readonly received: ToJobThread[];
  ended: boolean;
}

/** A job over threads that do what the test says. `log` has the changes of status with their virtual times. */
function job(scheduler: TestScheduler, options: RunInThreadsOptions = {}) {
  const threads: FakeThread[] = [];
  const start: StartJobThread = (data, events) => {
    const thread: FakeThread = { data, events, received: [], ended: false };
    threads.push(thread);
    return {
      send: (message) => thread.received.push(message),
      end: () => {
        thread.ended = true;
        events.exited({ exitCode: 1 });
      },
    };
  };
  const log: string[] = [];
  const next = ({ index, type, at, pause }: ThreadEvent) => {
    log.push(`${at} ${index} ${type}${pause === undefined ? '' : ` for ${pause}`}`);
  };
  const running = runJob(start, url, { threads: 2, signals: [], scheduler, threadObserver: { next }, ...options });
  return { running, threads, log };
}

const at = (scheduler: TestScheduler, time: number, act: () => void) => void scheduler.schedule(act, time);

describe('runInThreads', () => {
  it('starts each thread with its number, and ends when all have', async () => {
    let ended: Promise<void> | undefined;
    virtual((scheduler) => {
      const { running, threads, log } = job(scheduler);
      ended = running.ended;
      expect(threads.map(({ data: { index, threads, restarts } }) => [index, threads, restarts])).toEqual([
        [0, 2, 0],
        [1, 2, 0],
      ]);
      at(scheduler, 5, () => {
        for (const { events } of threads) events.said({ type: 'running' });
      });
      at(scheduler, 9, () => {
        for (const { events } of threads) {
          events.said({ type: 'ended' });
          events.exited({ exitCode: 0 });
        }
      });
      scheduler.flush();
      expect(log).toEqual(['0 0 starting', '0 1 starting', '5 0 running', '5 1 running', '9 0 ended', '9 1 ended']);
      expect(running.threads).toEqual([0, 1].map((index) => ({ index, status: 'ended', restarts: 0 })));
    });
    await ended;
  });

  it('starts a thread again that exits, after a pause that doubles until it has run for a while', () => {
    virtual((scheduler) => {
      const { running, threads, log } = job(scheduler, { threads: 1, retry: { delay: 10, maxDelay: 100 } });
      const exit = () => threads.at(-1)?.events.exited({ exitCode: 7 });
      for (const time of [5, 20, 45]) at(scheduler, time, exit);
      at(scheduler, 300, () => {
        exit();
        expect(running.threads).toEqual([
          { index: 0, status: 'restarting', restarts: 4, error: expect.any(ThreadExitedError) },
        ]);
      });
      at(scheduler, 400, () => void running.stop());
      at(scheduler, 401, exit);
      scheduler.flush();
      expect(log.filter((line) => line.includes('restarting'))).toEqual([
        '5 0 restarting for 10',
        '20 0 restarting for 20',
        '45 0 restarting for 40',
        '300 0 restarting for 10',
      ]);
      expect(threads.map(({ data }) => data.restarts)).toEqual([0, 1, 2, 3, 4]);
    });
  });

  it.each([
    ['after as many restarts as allowed', { retry: { count: 1, delay: 1 } }, new Error('broken'), 'broken', 2],
    ['at once by an error that cannot be retried', {}, Object.assign(new Error('x'), { retriable: false }), 'x', 1],
  ])('fails %s, and stops the other threads first', async (_, options, thrown, message, starts) => {
    let ended: Promise<void> | undefined;
    virtual((scheduler) => {
      const { running, threads, log } = job(scheduler, options);
      ended = running.ended;
      ended.catch(() => {});
      const fail = () => {
        const failing = threads.filter(({ data }) => data.index === 0).at(-1);
        failing?.events.said({ type: 'failed', error: takeDown(thrown) });
        failing?.events.exited({ exitCode: 0 });
      };
      for (let i = 0; i < starts; i++) at(scheduler, 5 + 5 * i, fail);
      at(scheduler, 50, () => {
        expect(threads[1]?.received).toEqual([{ type: 'stop', options: {} }]);
        threads[1]?.events.said({ type: 'ended' });
        threads[1]?.events.exited({ exitCode: 0 });
      });
      scheduler.flush();
      expect(log.slice(-3)).toEqual([`${5 * starts} 0 failed`, `${5 * starts} 1 stopping`, '50 1 ended']);
    });
    await expect(ended).rejects.toThrow(message);
  });

  it('starts a thread again where its observer throws, which is reported', () => {
    const errors: unknown[] = [];
    config.onUnhandledError = (error) => errors.push(error);
    virtual((scheduler) => {
      const next = ({ type }: ThreadEvent) => {
        throw new Error(type);
      };
      const { running, threads } = job(scheduler, { threads: 1, threadObserver: { next } });
      threads[0]?.events.exited({ exitCode: 3 });
      at(scheduler, 1_500, () => {
        expect(running.threads).toMatchObject([{ status: 'starting', restarts: 1 }]);
        expect(errors).toEqual(['starting', 'restarting', 'starting'].map((type) => new Error(type)));
        void running.stop();
        threads[1]?.events.exited({ exitCode: 0 });
      });
    });
    config.onUnhandledError = null;
  });

  it('ends a thread that does not stop within the limit', async () => {
    let reports: Promise<unknown> | undefined;
    virtual((scheduler) => {
      const { running, threads } = job(scheduler, { blockedTimeout: Infinity });
      at(scheduler, 5, () => {
        reports = running.stop({ drainTimeout: 100 });
        void running.stop();
      });
      at(scheduler, 50, () => {
        threads[0]?.events.said({ type: 'ended' });
        threads[0]?.events.exited({ exitCode: 0 });
      });
      scheduler.flush();
      expect(threads.map(({ ended, received }) => [ended, received.length])).toEqual([
        [false, 1],
        [true, 1],
      ]);
      expect(scheduler.now()).toBe(5_105);
    });
    expect(await reports).toEqual([
      { index: 0, terminated: false },
      { index: 1, terminated: true },
    ]);
  });

  it('reports what a thread fails by while it is stopped', async () => {
    const errors: unknown[] = [];
    let stopping: Promise<unknown> | undefined;
    virtual((scheduler) => {
      const next = ({ type, error }: ThreadEvent) => void (error && errors.push([type, String(error)]));
      const { running, threads } = job(scheduler, { threads: 1, threadObserver: { next } });
      stopping = running.stop();
      threads[0]?.events.said({ type: 'failed', error: takeDown(new Error('the last batch')) });
      threads[0]?.events.exited({ exitCode: 0 });
    });
    expect(errors).toEqual([['ended', 'Error: the last batch']]);
    expect(await stopping).toMatchObject([{ index: 0, terminated: false, error: { message: 'the last batch' } }]);
  });

  it('stops a thread that waits for its restart without starting it', async () => {
    let ended: Promise<void> | undefined;
    virtual((scheduler) => {
      const { running, threads } = job(scheduler, { threads: 1 });
      ended = running.ended;
      threads[0]?.events.exited({ exitCode: 1 });
      at(scheduler, 5, () => void running.stop());
      scheduler.flush();
      expect(threads).toHaveLength(1);
    });
    await ended;
  });

  it('ends a thread whose event loop is blocked for too long, and starts it again', () => {
    virtual((scheduler) => {
      const { running, threads } = job(scheduler, { threads: 1, blockedTimeout: 2_000, retry: { delay: 10 } });
      for (const time of [100, 900, 1_800]) {
        at(scheduler, time, () => threads[0]?.data.clocks.set([BigInt(time)], alivePlace));
      }
      at(scheduler, 4_015, () => {
        const [thread] = running.threads;
        expect(thread).toMatchObject({ status: 'starting', restarts: 1 });
        expect(thread?.error).toEqual(new TimedOutError('the event loop of thread 0', 2_000));
        void running.stop({ drainTimeout: 0 });
      });
      scheduler.flush();
      expect(threads).toHaveLength(2);
    });
  });

  it('refuses what is no URL, and options of another kind', () => {
    // @ts-expect-error a path is no URL
    expect(() => runInThreads('./job.js')).toThrow(
      'runInThreads: url ("./job.js") must be a URL' satisfies InvalidOptionError['message'],
    );
    expect(() => runInThreads(url, { threads: 0 })).toThrow('threads (0) must be a positive integer');
    expect(() => runInThreads(url, { worker: { workerData: { city: 'Ulm' } } })).toThrow(
      'worker.workerData ({"city":"Ulm"}) is used already',
    );
  });
});
