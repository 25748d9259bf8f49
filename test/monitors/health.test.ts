import {
  foreachBatch,
  fromBatches,
  type GroupEvent,
  health,
  healthHandler,
  InvalidOptionError,
  logTasks,
  memoryLog,
  string,
} from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { mergeMap, NEVER, retry, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

describe('health', () => {
  it('is live and not ready before there is a stream, and ready while all are running', () => {
    const probes = health();
    const seen: unknown[] = [];
    expect(probes.check()).toEqual({ live: true, ready: false, streams: [] });
    virtual((scheduler) => {
      const stream = (name: string, delay: number) =>
        fromBatches([['a'], ['b']], { interval: 10, name, stallAfter: 20, monitors: [probes] })
          .pipe(foreachBatch(() => timer(delay)))
          .subscribe();
      stream('quick', 1);
      stream('slow', 50);
      for (const at of [5, 40]) scheduler.schedule(() => seen.push(probes.check()), at);
    });
    expect(seen).toEqual([
      {
        live: true,
        ready: true,
        streams: [
          { name: 'quick', status: 'running', for: 5, attempt: 0 },
          { name: 'slow', status: 'running', for: 5, attempt: 0 },
        ],
      },
      {
        live: false,
        ready: false,
        streams: [
          { name: 'quick', status: 'stopped', for: 10, attempt: 0 },
          { name: 'slow', status: 'stalled', for: expect.any(Number), attempt: 0 },
        ],
      },
    ]);
  });

  it('stays live while a failed stream comes back in time, and not when it does not', () => {
    const probes = health({ failedAfter: 30 });
    const seen: unknown[] = [];
    virtual((scheduler) => {
      fromBatches([['a']], { interval: 10, monitors: [probes] })
        .pipe(
          foreachBatch(() => throwError(() => 'no')),
          retry({ delay: 20, count: 1 }),
        )
        .subscribe({ error: () => {} });
      const look = () => {
        const { live, streams } = probes.check();
        seen.push([scheduler.now(), live, streams[0]?.status, streams[0]?.attempt, streams.length]);
      };
      for (const at of [15, 35, 45, 69, 71]) scheduler.schedule(look, at);
    });
    expect(seen).toEqual([
      [15, true, 'failed', 0, 1],
      [35, true, 'running', 1, 1],
      [45, true, 'failed', 1, 1],
      [69, true, 'failed', 1, 1],
      [71, false, 'failed', 1, 1],
    ]);
  });

  it('waits for stallAfter on top of that of the stream', () => {
    const probes = health({ stallAfter: 40 });
    const seen: boolean[] = [];
    virtual((scheduler) => {
      const subscription = fromBatches([['a']], { interval: 10, stallAfter: 20, monitors: [probes] })
        .pipe(foreachBatch(() => NEVER))
        .subscribe();
      for (const at of [31, 69, 71]) scheduler.schedule(() => seen.push(probes.check().live), at);
      scheduler.schedule(() => subscription.unsubscribe(), 100);
    });
    expect(seen).toEqual([true, true, false]);
  });

  it('is ready whatever becomes of tasks: when one has gone to another process, and when there is none for it', () => {
    const seen: Record<string, readonly boolean[]> = {};
    virtual((scheduler) => {
      const log = memoryLog({ topics: { words: 2 } });
      const group = memoryGroup({ log, scheduler });
      const membership = { sessionTimeout: 600, heartbeatInterval: 50 };
      const read = { topics: ['words'], groupId: 'job', interval: 10, deserialize: string(), ...membership } as const;
      const all = Array.from({ length: 3 }, () => {
        const probes = health();
        const tasks = logTasks(log, group, { ...read, scheduler, monitors: [probes], groupObserver: probes });
        const start = () => tasks.pipe(mergeMap((task) => task.pipe(foreachBatch(() => {})))).subscribe();
        return { probes, start, stop: () => tasks.stop() };
      });
      const look = (name: string) => {
        seen[name] = all.map(({ probes }) => probes.check().ready);
      };
      const [first, second, third] = all;
      const plan = [
        ...[() => look('before'), first?.start, () => look('first'), second?.start, () => look('second'), third?.start],
        ...[() => look('third'), () => void first?.stop(), () => look('first stopped')],
      ];
      for (const [i, act] of plan.entries()) scheduler.schedule(() => void act?.(), 1_000 * i);
      scheduler.schedule(() => void Promise.all(all.map(({ stop }) => stop())), 1_000 * plan.length);
    });
    expect(seen).toEqual({
      before: [false, false, false],
      first: [true, false, false],
      second: [true, true, false],
      third: [true, true, true],
      'first stopped': [false, true, true],
    });
  });

  it('is ready on standby once it is a member, and not between an assignment and the first batch, nor when it is removed', () => {
    const probes = health();
    const isReadyAfter = (type: GroupEvent['type'], tasks: readonly string[] = []) => {
      probes.next({ type, tasks, at: 0, groupId: 'job', memberId: 'one', generation: 1 });
      return probes.check().ready;
    };
    expect(probes.check().ready).toBe(false);
    expect(isReadyAfter('joined')).toBe(true);
    expect(isReadyAfter('assigned', ['0'])).toBe(false);
    expect(isReadyAfter('slow-heartbeat')).toBe(false);
    expect(isReadyAfter('lost', ['0'])).toBe(false);
    expect(isReadyAfter('joined')).toBe(true);
  });

  it('refuses options out of their range', () => {
    expect(() => health({ failedAfter: -1 })).toThrow(InvalidOptionError);
    expect(() => health({ stallAfter: Number.NaN })).toThrow(InvalidOptionError);
  });
});

describe('healthHandler', () => {
  const report = { live: true, ready: false, streams: [] };
  const answer = healthHandler({ check: () => report });

  it.each([
    ['/live', 200],
    ['/livez', 200],
    ['/health/live', 200],
    ['/ready', 503],
    ['/', 503],
    ['/live/else', 503],
  ])('answers %s with %i and the report', async (path, status) => {
    const response = answer(new Request(`http://localhost${path}`));
    expect([response.status, await response.json()]).toEqual([status, report]);
  });

  it('answers HEAD without a body and refuses to be written to', async () => {
    const head = answer(new Request('http://localhost/live', { method: 'HEAD' }));
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(answer(new Request('http://localhost/live', { method: 'POST' })).status).toBe(405);
  });
});
