import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { GrantedClock } from './grantedClock.js';
import { LiveJudge } from './liveJudge.js';
import type { JobEvent } from './modes.js';

const healthy: readonly JobEvent[] = [
  { kind: 'batch', time: 1, records: 2, until: [[0, 2]] },
  { kind: 'restarting', code: 'CONNECTION', message: 'a broker is away' },
  { kind: 'restarting', code: 'UNTYPED', message: 'the output was asked to throw' },
  { kind: 'failed', code: 'UNTYPED', message: 'Query read timeout' },
  { kind: 'vitals', rss: 1e8, stoppedMs: 40 },
  { kind: 'stopped', handles: [] },
];

describe('LiveJudge', () => {
  it('finds nothing wrong with a healthy job', async () => {
    const judge = new LiveJudge();
    for (const event of healthy) judge.observe(event);
    expect(await judge.caughtUp(new Map([[0, 2]]), 0)).toBeDefined();
    expect(judge.faults).toEqual([]);
    expect(judge.restarts).toEqual({ CONNECTION: 1, UNTYPED: 1 });
  });

  it.each<[keyof LiveJudge['counts'], JobEvent]>([
    ['unhandled', { kind: 'unhandled', message: 'Error: x' }],
    ['untyped', { kind: 'restarting', code: 'UNTYPED', message: 'Cannot read properties of null' }],
    ['untyped', { kind: 'failed', code: 'UNTYPED', message: 'Cannot read properties of null' }],
    ['handles', { kind: 'stopped', handles: ['TCPSocketWrap'] }],
    ['memory', { kind: 'vitals', rss: 2e9, stoppedMs: 0 }],
    ['stops', { kind: 'vitals', rss: 1e8, stoppedMs: 8_000 }],
  ])('finds %s', (kind, event) => {
    const judge = new LiveJudge();
    judge.observe(event);
    expect(judge.counts[kind]).toBe(1);
    expect(judge.faults).toHaveLength(1);
  });

  it('waits for a job that gets on, and finds one of its partitions that does not', async () => {
    let now = 0;
    const judge = new LiveJudge(new GrantedClock({ wallNow: () => now }));
    const read = (zero: number, one: number): JobEvent => ({
      kind: 'batch',
      time: 1,
      records: 1,
      until: [
        [0, zero],
        [1, one],
      ],
    });
    const ends = new Map([
      [0, 30],
      [1, 2],
    ]);
    judge.observe(read(1, 1));
    const slow = judge.caughtUp(ends, 100);
    for (let offset = 2; offset <= 3; offset++) {
      await sleep(60);
      now += 90;
      judge.observe(read(offset, 2));
    }
    judge.observe(read(30, 2));
    expect(await slow).toBeDefined();
    const stuck = judge.caughtUp(new Map([...ends, [1, 3]]), 100);
    now += 90;
    judge.observe(read(31, 2));
    await sleep(60);
    now += 20;
    expect(await stuck).toBeUndefined();
    expect(judge.faults).toEqual([expect.stringContaining('without progress of partition 1')]);
  });

  it('finds a job that does not get on, or ends, or stays', async () => {
    const judge = new LiveJudge();
    for (const event of healthy) judge.observe(event);
    expect(await judge.caughtUp(new Map([[0, 3]]), -1)).toBeUndefined();
    judge.ended('CONNECTION: a broker is away');
    judge.staysAlive();
    expect(judge.counts).toMatchObject({ stuck: 1, ended: 1, handles: 1 });
  });
});
