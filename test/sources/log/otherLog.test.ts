import {
  type BatchInfo,
  type Checkpoint,
  fixedRate,
  foreachBatch,
  type LogSourceOptions,
  logBatches,
  type MemoryLog,
  memoryCheckpoint,
  memoryLog,
  type OffsetRange,
  string,
} from 'dstream';
import { from, lastValueFrom, type ObservableInput, of, timer } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

type Policy = NonNullable<LogSourceOptions<unknown>['offsetOutOfRange']>;

const named = (name: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ value: `${name}${from + i}`, partition: 0 }));
const valuesOf = (name: string, count: number, from = 0) => named(name, count, from).map(({ value }) => value);

interface Seen {
  readonly values: (string | null)[];
  readonly lost: OffsetRange[];
  readonly errors: unknown[];
}

interface Life {
  readonly at: number;
  readonly until: number;
  readonly policy?: Policy;
  readonly topics?: readonly string[];
  readonly rate?: number;
  readonly effect?: () => ObservableInput<unknown>;
}

/** Runs a stream over the log in each of the lives, all with one checkpoint. */
function lives(log: MemoryLog, all: readonly Life[], checkpoint: Checkpoint = memoryCheckpoint()) {
  const seen: Seen = { values: [], lost: [], errors: [] };
  const infos: BatchInfo[] = [];
  const begin = (scheduler: TestScheduler): void => {
    for (const { at, until, policy = 'error', topics = ['t'], rate = 1_000, effect = () => of(0) } of all) {
      scheduler.schedule(() => {
        const stream = logBatches(log, {
          topics,
          start: 'earliest',
          interval: 10,
          deserialize: string(),
          offsetOutOfRange: policy,
          backpressure: fixedRate(rate),
          checkpoint,
          batchObserver: {
            next: (info) => {
              infos.push(info);
              seen.lost.push(...(info.inputs.log?.lost ?? []));
            },
          },
        });
        const output = foreachBatch<string | null>((records) => {
          seen.values.push(...records);
          return effect();
        });
        const subscription = stream.pipe(output).subscribe({ error: (error) => seen.errors.push(error) });
        scheduler.schedule(() => subscription.unsubscribe(), until - at);
      }, at);
    }
  };
  return { seen, infos, begin, checkpoint };
}

function recreate(log: MemoryLog, count: number): void {
  log.deleteTopic('t');
  log.createTopic('t');
  log.append('t', named('new', count));
}

/** The records from `offset` on are replaced by `count` others. */
function cut(log: MemoryLog, offset: number, count: number): void {
  log.electUncleanLeader('t', 0, offset);
  log.append('t', named('new', count));
}

function filled(count: number): MemoryLog {
  const log = memoryLog({ topics: { t: 1 } });
  log.append('t', named('old', count));
  return log;
}

const running: readonly Life[] = [{ at: 0, until: 100 }];
const stopped: readonly Life[] = [
  { at: 0, until: 25 },
  { at: 35, until: 100 },
];

/** Five records, then `become` makes another log of them, then two more records. */
function runs(all: readonly Life[], become: (log: MemoryLog, count: number) => void) {
  return (policy: Policy, count: number) => {
    const log = filled(5);
    const { seen, begin } = lives(
      log,
      all.map((life) => ({ ...life, policy })),
    );
    virtual((scheduler) => {
      begin(scheduler);
      scheduler.schedule(() => become(log, count), 31);
      scheduler.schedule(() => void log.append('t', named('later', 2)), 65);
    });
    return seen;
  };
}

describe.each([
  ['while the stream runs', running],
  ['between two runs', stopped],
])('a topic that is deleted and created again %s', (_, all) => {
  const run = runs(all, recreate);

  it.each([3, 5, 8])('is read from its beginning, however many records it has: %i', (count) => {
    const { values, lost, errors } = run('earliest', count);
    expect(values).toEqual([...valuesOf('old', 5), ...valuesOf('new', count), ...valuesOf('later', 2)]);
    // Nothing was planned of the former one that has not been read.
    expect(lost).toEqual([{ topic: 't', partition: 0, from: 5, until: 5, topicId: 'topic-1' }]);
    expect(errors).toEqual([]);
  });

  it('is read from its end, and what it had by then is told as lost', () => {
    const { values, lost } = run('latest', 8);
    expect(values).toEqual([...valuesOf('old', 5), ...valuesOf('later', 2)]);
    expect(lost).toEqual([
      { topic: 't', partition: 0, from: 5, until: 5, topicId: 'topic-1' },
      { topic: 't', partition: 0, from: 0, until: 8, topicId: 'topic-2' },
    ]);
  });

  it.each([3, 5, 8])('fails the stream by default: %i records', (count) => {
    const { values, errors } = run('error', count);
    expect(values).toEqual(valuesOf('old', 5));
    expect(errors).toMatchObject([{ code: 'OFFSET_OUT_OF_RANGE', reason: 'recreated', earliest: 0, latest: count }]);
    expect(String(errors[0])).toContain('t/0: the topic was deleted and created again, after offset 5');
  });
});

describe.each([
  ['while the stream runs', running],
  ['between two runs', stopped],
])('a log that is cut and written again %s', (_, all) => {
  const run = runs(all, (log, count) => cut(log, 3, count));

  it.each([0, 1, 2, 8])('is read on from where it differs, however many records were written: %i', (count) => {
    const { values, lost, errors } = run('earliest', count);
    expect(values).toEqual([...valuesOf('old', 5), ...valuesOf('new', count), ...valuesOf('later', 2)]);
    expect(lost).toEqual([{ topic: 't', partition: 0, from: 3, until: 5, topicId: 'topic-1' }]);
    expect(errors).toEqual([]);
  });

  it('is read from its end, and what was written by then is told as lost', () => {
    const { values, lost } = run('latest', 8);
    expect(values).toEqual([...valuesOf('old', 5), ...valuesOf('later', 2)]);
    expect(lost).toEqual([{ topic: 't', partition: 0, from: 3, until: 11, topicId: 'topic-1' }]);
  });

  it.each([0, 2, 8])('fails the stream by default: %i records', (count) => {
    const { values, errors } = run('error', count);
    expect(values).toEqual(valuesOf('old', 5));
    expect(errors).toMatchObject([{ code: 'OFFSET_OUT_OF_RANGE', reason: 'diverged', earliest: 3, latest: 3 + count }]);
    expect(String(errors[0])).toContain('t/0: the log was cut at offset 3 and written again');
  });

  it('is the same log when nothing was cut that had been read', () => {
    const log = filled(5);
    const { seen, begin } = lives(log, all);
    virtual((scheduler) => {
      begin(scheduler);
      scheduler.schedule(() => cut(log, 5, 3), 31);
      scheduler.schedule(() => cut(log, 8, 2), 71);
    });
    expect(seen).toEqual({
      values: [...valuesOf('old', 5), ...valuesOf('new', 3), ...valuesOf('new', 2)],
      lost: [],
      errors: [],
    });
  });
});

describe('ranges that wait when the log becomes another one', () => {
  /** Each batch of ten records takes 2.5 intervals, so that plans pile up. */
  const slow = { rate: 1_000, effect: () => timer(25) };

  it('are read up to where the log differs, and what comes then is planned again', () => {
    const log = filled(100);
    const { seen, infos, begin } = lives(log, [{ at: 0, until: 800, policy: 'earliest', ...slow }]);
    virtual((scheduler) => {
      begin(scheduler);
      scheduler.schedule(() => cut(log, 35, 50), 75);
    });
    expect(seen.values).toEqual([...valuesOf('old', 35), ...valuesOf('new', 50)]);
    expect(seen.lost).toMatchObject([{ from: 35 }]);
    expect(infos.reduce((sum, { records }) => sum + records, 0)).toBe(85);
  });

  it('of a replay too: the batch has what is left of it', () => {
    const log = filled(20);
    const { seen, begin } = lives(log, [
      { at: 0, until: 25, effect: () => timer(25) },
      { at: 35, until: 100, policy: 'earliest' },
    ]);
    virtual((scheduler) => {
      begin(scheduler);
      scheduler.schedule(() => cut(log, 7, 20), 30);
    });
    expect(seen.values).toEqual([...valuesOf('old', 10), ...valuesOf('old', 7), ...valuesOf('new', 20)]);
    expect(seen.errors).toEqual([]);
  });

  it('of a replay fail the stream by default', () => {
    const log = filled(20);
    const { seen, begin } = lives(log, [
      { at: 0, until: 25, effect: () => timer(25) },
      { at: 35, until: 100 },
    ]);
    virtual((scheduler) => {
      begin(scheduler);
      scheduler.schedule(() => cut(log, 7, 20), 30);
    });
    expect(seen.values).toEqual(valuesOf('old', 10));
    expect(seen.errors).toMatchObject([{ reason: 'diverged', earliest: 7 }]);
  });

  it('of a topic that was created again are given up, and told as lost', () => {
    const log = filled(20);
    const { seen, begin } = lives(log, [
      { at: 0, until: 25, effect: () => timer(25) },
      { at: 35, until: 100, policy: 'earliest' },
    ]);
    virtual((scheduler) => {
      begin(scheduler);
      scheduler.schedule(() => recreate(log, 15), 30);
    });
    expect(seen.values).toEqual([...valuesOf('old', 10), ...valuesOf('new', 15)]);
    expect(seen.lost).toEqual([{ topic: 't', partition: 0, from: 0, until: 20, topicId: 'topic-1' }]);
  });

  it('positions are those of the present log: another life goes on in it', () => {
    const log = filled(20);
    const { seen, begin } = lives(log, [
      { at: 0, until: 25, effect: () => timer(25) },
      { at: 35, until: 42, policy: 'earliest' },
      { at: 45, until: 100 },
    ]);
    virtual((scheduler) => {
      begin(scheduler);
      scheduler.schedule(() => recreate(log, 15), 30);
    });
    expect(seen.values).toEqual([...valuesOf('old', 10), ...valuesOf('new', 15)]);
    expect(seen.errors).toEqual([]);
  });
});

describe('a topic that is not read any more', () => {
  const changed: readonly Life[] = [
    { at: 0, until: 15, topics: ['x'], effect: () => timer(25) },
    { at: 25, until: 100, topics: ['y'] },
  ];
  const setup = () => {
    const log = memoryLog({ topics: { x: 1, y: 1 } });
    log.append('x', named('x', 30));
    log.append('y', named('y', 3));
    return log;
  };

  it('is read to the end of the batch that was planned, and no further', () => {
    const log = setup();
    const { seen, infos, begin } = lives(log, changed);
    virtual((scheduler) => {
      begin(scheduler);
      scheduler.schedule(() => void log.append('x', named('more', 50)), 40);
    });
    // The batch of the first life comes twice: it was not complete.
    expect(seen.values).toEqual([...valuesOf('x', 10), ...valuesOf('x', 10), ...valuesOf('y', 3)]);
    expect(infos.slice(1).flatMap(({ inputs }) => inputs.log?.ranges.map(({ topic }) => topic))).not.toContain('x');
  });

  it('keeps its position: it is read on when it is named again', () => {
    const log = setup();
    const { seen, begin } = lives(log, [...changed, { at: 105, until: 145, topics: ['x', 'y'] }]);
    virtual(begin);
    expect(seen.values.slice(-20)).toEqual(valuesOf('x', 20, 10));
  });

  it('and is gone: fails the stream, or is told as lost', () => {
    const run = (policy: Policy) => {
      const log = setup();
      const { seen, begin } = lives(
        log,
        changed.map((life) => ({ ...life, policy })),
      );
      virtual((scheduler) => {
        begin(scheduler);
        scheduler.schedule(() => log.deleteTopic('x'), 20);
      });
      return seen;
    };
    expect(run('error').errors).toMatchObject([{ code: 'UNKNOWN_TOPIC', topic: 'x' }]);
    const { values, lost } = run('earliest');
    expect(values).toEqual([...valuesOf('x', 10), ...valuesOf('y', 3)]);
    expect(lost).toMatchObject([{ topic: 'x', partition: 0, from: 0, until: 10, topicId: 'topic-1' }]);
  });
});

describe('what is saved', () => {
  it('has the topic and the leader epoch of each range and position', async () => {
    const log = filled(5);
    const checkpoint = memoryCheckpoint();
    const { begin } = lives(log, [{ at: 0, until: 25, rate: 400 }], checkpoint);
    virtual((scheduler) => {
      scheduler.schedule(() => log.electUncleanLeader('t', 0, 5));
      begin(scheduler);
    });
    const { restored } = await lastValueFrom(from(checkpoint.open()));
    // The epoch of a position is that of the last record batch before it, which the former leader wrote.
    expect(restored).toMatchObject({
      positions: { log: [{ topic: 't', partition: 0, offset: 5, topicId: 'topic-1', leaderEpoch: 0 }] },
    });
  });

  it('need not have them: a checkpoint of an older version goes on', () => {
    const log = filled(5);
    const checkpoint = memoryCheckpoint();
    const older: Checkpoint = {
      ...checkpoint,
      open: () =>
        of({
          ...{ encode: (change: unknown) => change, plan: () => of(0), save: () => of(0), close: () => of(0) },
          restored: {
            ...{ zeroTime: 0, interval: 10, time: 10, stateIds: [], state: () => undefined },
            positions: { log: [{ topic: 't', partition: 0, offset: 2 }] },
            planned: [
              {
                time: 20,
                zeroTime: 0,
                interval: 10,
                ranges: { log: [{ topic: 't', partition: 0, from: 2, until: 4 }] },
              },
            ],
          },
        }),
    };
    const { seen, infos, begin } = lives(log, [{ at: 25, until: 60 }], older);
    virtual(begin);
    expect(seen.values).toEqual(['old2', 'old3', 'old4']);
    expect(infos[0]?.inputs.log?.ranges).toEqual([{ topic: 't', partition: 0, from: 2, until: 4 }]);
    expect(infos[1]?.inputs.log?.ranges[0]).toMatchObject({ topicId: 'topic-1', leaderEpoch: 0 });
  });
});
