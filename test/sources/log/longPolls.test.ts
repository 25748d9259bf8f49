import { type BatchInfo, fixedRate, foreachBatch, logBatches, memoryCheckpoint, string } from 'dstream';
import { type SchedulerLike, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { PollableLog, type PollableLogOptions } from '../../support/pollableLog.js';
import { virtual } from '../../support/virtual.js';

type LogBatchesOptions = Parameters<typeof logBatches>[1];

interface Seen {
  readonly at: number;
  readonly time: number;
  readonly records: readonly (string | null)[];
}

interface Run {
  readonly log: PollableLog;
  readonly seen: readonly Seen[];
  readonly infos: readonly BatchInfo[];
  readonly failed: unknown;
}

/** Runs a stream for `duration` ms of virtual time; `script` is called when it starts. */
function run(
  given: Partial<LogBatchesOptions> & { readonly duration: number; readonly work?: number },
  logOptions: Omit<PollableLogOptions, 'scheduler'>,
  script: (log: PollableLog, scheduler: SchedulerLike) => void = () => {},
): Run {
  const { duration, work = 0, ...options } = given;
  const seen: Seen[] = [];
  const infos: BatchInfo[] = [];
  let log: PollableLog | undefined;
  let failed: unknown;
  virtual((scheduler) => {
    log = new PollableLog({ ...logOptions, scheduler });
    script(log, scheduler);
    const stream = logBatches(log.client, {
      topics: ['t'],
      start: 'earliest',
      interval: 1_000,
      deserialize: string(),
      scheduler,
      batchObserver: { next: (info) => infos.push(info) },
      ...options,
    } as LogBatchesOptions);
    const output = foreachBatch<string | null>((records, { time }) => {
      seen.push({ at: scheduler.now(), time, records });
      return work > 0 ? timer(work, scheduler) : undefined;
    });
    stream.pipe(output as never).subscribe({
      error: (error: unknown) => {
        failed = error;
      },
    });
    scheduler.schedule(() => void stream.stop(), duration);
  });
  return { log: log as PollableLog, seen, infos, failed };
}

const withRecords = (seen: readonly Seen[]) => seen.filter(({ records }) => records.length > 0);
const all = (seen: readonly Seen[]) => seen.flatMap(({ records }) => records);
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => String(from + i));

describe('a stream over a log that waits for records', () => {
  it('sends one request an interval to each broker while it is idle, and asks for no ends', () => {
    const brokerOf = (partition: number) => String(partition % 2);
    const { log, seen, failed } = run({ duration: 20_500 }, { partitions: 64, brokerOf });
    expect(failed).toBeUndefined();
    expect(seen.length).toBe(20);
    const later = ({ at }: { readonly at: number }) => at > 3_000 && at <= 20_000;
    expect(log.asked.filter((at) => later({ at }))).toEqual([]);
    for (const broker of ['0', '1']) {
      const polls = log.fetches.filter((fetch) => later(fetch) && fetch.broker === broker);
      expect(polls.length).toBeGreaterThanOrEqual(16);
      expect(polls.length).toBeLessThanOrEqual(18);
      expect(polls.every(({ partitions }) => partitions.length === 32)).toBe(true);
    }
  });

  it('does not take the leader epochs that only fetches tell for new ones', () => {
    const { log } = run({ duration: 10_500 }, { partitions: 2, hidesEpochs: true });
    expect(log.asked.filter((at) => at > 2_000)).toEqual([]);
  });

  it('polls a stream of long intervals only in the last second', () => {
    const { log } = run({ duration: 60_500, interval: 10_000 }, { partitions: 4 });
    const later = log.fetches.filter(({ at }) => at > 10_100);
    expect(later.length).toBeLessThanOrEqual(6);
    expect(later.every(({ at }) => at % 10_000 >= 9_000 || at % 10_000 < 100)).toBe(true);
    expect(log.asked.filter((at) => at > 10_100 && at <= 60_000)).toEqual([]);
  });

  it('has the records in memory before the tick, and dispatches them in its turn', () => {
    const { log, seen } = run({ duration: 5_500 }, { partitions: 2, latency: 20 }, (log, scheduler) => {
      for (const at of [2_100, 2_400, 2_900, 3_700])
        scheduler.schedule(() => log.append([`a${at}`, `b${at}`], at % 200 === 0 ? 1 : 0), at);
    });
    expect(withRecords(seen)).toEqual([
      {
        at: 3_000,
        time: 3_000,
        records: expect.arrayContaining(['a2100', 'b2100', 'a2400', 'b2400', 'a2900', 'b2900']),
      },
      { at: 4_000, time: 4_000, records: ['a3700', 'b3700'] },
    ]);
    const sentAtTick = log.fetches.filter(({ at }) => at >= 2_000 && at <= 5_000 && at % 1_000 === 0);
    expect(sentAtTick).toEqual([]);
    expect(log.asked.filter((at) => at >= 2_000 && at <= 5_000)).toEqual([]);
  });

  it('has each record once and in order, in the batch of the interval in which it came', () => {
    const appended: { readonly at: number; readonly value: string }[] = [];
    const { log, seen, infos, failed } = run(
      { duration: 12_500, interval: 100 },
      { partitions: 3 },
      (log, scheduler) => {
        let count = 0;
        const append = (): void => {
          const value = String(count++);
          appended.push({ at: scheduler.now(), value });
          log.append([value], 0);
          if (scheduler.now() < 12_000) scheduler.schedule(append, 7);
        };
        scheduler.schedule(append, 203);
      },
    );
    expect(failed).toBeUndefined();
    expect(all(seen)).toEqual(appended.map(({ value }) => value));
    expect(log.asked.filter((at) => at > 300 && at <= 12_000)).toEqual([]);
    // The records of a range, each written before the tick, and not before the one before it, but for the way to the broker and back.
    const timeOf = new Map(appended.map(({ at, value }) => [value, at]));
    for (const { at, time, records } of seen.filter((batch) => batch.time > 300)) {
      expect(at).toBe(time);
      for (const value of records) {
        expect(timeOf.get(value as string)).toBeLessThanOrEqual(time);
        expect(timeOf.get(value as string)).toBeGreaterThan(time - 100 - 7);
      }
    }
    let end = 0;
    for (const range of infos.flatMap(
      ({ inputs }) => inputs.log?.ranges.filter(({ partition }) => partition === 0) ?? [],
    )) {
      expect(range.from).toBe(end);
      end = range.until;
    }
    // A handful of requests an interval, though a record comes every 7 ms.
    const requests = log.fetches.filter(({ at }) => at > 300 && at <= 12_000).length;
    expect(requests / 117).toBeLessThanOrEqual(8);
  });

  it('notices the first record after an idle time at the next tick', () => {
    const { seen } = run({ duration: 100_500 }, { partitions: 8 }, (log, scheduler) => {
      scheduler.schedule(() => log.append(['late'], 5), 95_990);
    });
    expect(withRecords(seen)).toEqual([{ at: 96_000, time: 96_000, records: ['late'] }]);
  });

  it.each([
    ['a rate', { backpressure: fixedRate(100) }],
    ['a cap of the partition', { maxRatePerPartition: 100 }],
  ])('reads before the tick no more than %s allows', (_, options) => {
    const { log, seen, failed } = run({ duration: 30_500, ...options }, { partitions: 1 }, (log, scheduler) => {
      let next = 0;
      const append = (): void => {
        log.append(numbers(next, 60));
        next += 60;
        if (next < 1_500) scheduler.schedule(append, 500);
      };
      scheduler.schedule(append, 3_100);
    });
    expect(failed).toBeUndefined();
    expect(all(seen)).toEqual(numbers(0, 1_500));
    expect(Math.max(...seen.map(({ records }) => records.length))).toBeLessThanOrEqual(100);
    // What is in memory and in no batch: at most what the next batch may have, and what one request has more than it asked for.
    for (const { at, answeredAt, partitions } of log.fetches) {
      const planned = all(seen.filter((batch) => batch.at <= at)).length;
      const [{ offset } = { offset: 0 }] = partitions;
      if (answeredAt !== undefined) expect(offset - planned).toBeLessThanOrEqual(200);
    }
  });

  it('reads before the tick no more than an eighth of the buffer', () => {
    const maxBufferedBytes = 64_000;
    const { log, seen } = run({ duration: 8_500, maxBufferedBytes }, { partitions: 4 }, (log, scheduler) => {
      scheduler.schedule(() => log.append(numbers(0, 100)), 1_500);
      for (let i = 0; i < 100; i++) {
        scheduler.schedule(
          () =>
            log.append(
              numbers(100 + i * 40, 40).map((n) => n.padStart(60)),
              i % 4,
            ),
          3_010 + i * 9,
        );
      }
    });
    expect(all(seen).length).toBe(4_100);
    const before = log.fetches.filter(({ at }) => at > 3_000 && at < 3_990);
    expect(before.length).toBeGreaterThan(0);
    for (const { maxBytes } of before) expect(maxBytes).toBeLessThanOrEqual(maxBufferedBytes / 8);
    const read = [0, 1, 2, 3].map((partition) => {
      const offsets = before.flatMap(({ partitions }) => partitions.filter((one) => one.partition === partition));
      return Math.max(...offsets.map(({ offset }) => offset)) - Math.min(...offsets.map(({ offset }) => offset));
    });
    expect(read.reduce((sum, offsets) => sum + offsets, 0) * 76).toBeLessThanOrEqual(maxBufferedBytes / 8 + 40 * 76);
  });

  it('replays the batch that was planned, and goes on behind it', () => {
    const checkpoint = memoryCheckpoint();
    const lives: (readonly Seen[])[] = [];
    let log: PollableLog | undefined;
    virtual((scheduler) => {
      log = new PollableLog({ partitions: 2, scheduler });
      const source = log;
      let count = 0;
      const append = (): void => {
        source.append([String(count)], count % 2);
        if (++count < 400) scheduler.schedule(append, 11);
      };
      append();
      const live = (until: number, then: () => void): void => {
        const seen: Seen[] = [];
        lives.push(seen);
        const stream = logBatches(source.client, {
          topics: ['t'],
          start: 'earliest',
          interval: 100,
          deserialize: string(),
          scheduler,
          checkpoint,
        });
        const subscription = stream
          .pipe(
            foreachBatch((records, { time }) => {
              seen.push({ at: scheduler.now(), time, records });
              return timer(30, scheduler);
            }),
          )
          .subscribe({ error: (error) => expect.fail(`${error}`) });
        // In the middle of an output: its batch is planned and not complete.
        scheduler.schedule(() => {
          subscription.unsubscribe();
          scheduler.schedule(then, 1);
        }, until);
      };
      live(1_015, () => live(1_100, () => live(5_000, () => {})));
    });
    const done = new Map<number, readonly (string | null)[]>();
    for (const { time, records } of lives.flat()) {
      if (done.has(time)) expect(records).toEqual(done.get(time));
      done.set(time, records);
    }
    const records = [...done.values()].flat();
    expect(records.length).toBe(400);
    expect(new Set(records).size).toBe(400);
  });

  it('asks for the ends again where a broker is silent, and goes on with the others', () => {
    const brokerOf = (partition: number) => String(partition);
    const isSilent = (broker: string, now: number) => broker === '1' && now > 4_500 && now < 20_000;
    const { log, seen, failed } = run({ duration: 30_500 }, { partitions: 2, brokerOf, isSilent }, (log, scheduler) => {
      for (let i = 0; i < 25; i++) scheduler.schedule(() => log.append([String(i)], 0), 1_500 + i * 1_000);
    });
    expect(failed).toBeUndefined();
    expect(withRecords(seen).map(({ time, records }) => [time, ...records])).toEqual(
      numbers(0, 25).map((value, i) => [2_000 + i * 1_000, value]),
    );
    const delays = seen.map(({ at, time }) => [time, at - time]);
    expect(
      delays.filter(([time = 0, delay]) => delay !== 0 && (time < 4_500 || time > 24_000) && time > 1_000),
    ).toEqual([]);
    expect(log.asked.filter((at) => at > 7_000 && at < 20_000).length).toBeGreaterThan(3);
  });

  it('reads a partition from its new leader, though the former one is silent and never answers', () => {
    let now = () => 0;
    const brokerOf = (partition: number) => (partition === 1 && now() < 6_000 ? '1' : '0');
    const isSilent = (broker: string, at: number) => broker === '1' && at > 4_500;
    const { seen, failed } = run({ duration: 12_500 }, { partitions: 2, brokerOf, isSilent }, (log, scheduler) => {
      now = () => scheduler.now();
      scheduler.schedule(() => log.append(['for the new leader'], 1), 6_500);
    });
    expect(failed).toBeUndefined();
    expect(withRecords(seen)).toEqual([{ at: expect.any(Number), time: 7_000, records: ['for the new leader'] }]);
  });
});

describe('a log that changes while a stream waits for its records', () => {
  it.each([
    ['fails', 'error', 'error'],
    ['goes on at the beginning of the new one', 'earliest', ['new 0', 'new 1']],
    ['goes on at its end', 'latest', []],
  ] as const)('is found to be another topic, and the stream %s', (_, offsetOutOfRange, expected) => {
    const { seen, failed } = run({ duration: 9_500, offsetOutOfRange }, { partitions: 1 }, (log, scheduler) => {
      log.append(numbers(0, 3));
      scheduler.schedule(() => {
        log.log.deleteTopic('t');
        log.log.createTopic('t', 1);
        log.append(['new 0', 'new 1']);
      }, 4_500);
    });
    if (expected === 'error') expect(failed).toMatchObject({ name: 'OffsetOutOfRangeError', reason: 'recreated' });
    else {
      expect(failed).toBeUndefined();
      expect(all(seen)).toEqual([...numbers(0, 3), ...expected]);
    }
  });

  it('reads what a new leader has in place of what it lost', () => {
    const { seen, infos, failed } = run(
      { duration: 9_500, offsetOutOfRange: 'earliest' },
      { partitions: 1 },
      (log, scheduler) => {
        log.append(numbers(0, 10));
        scheduler.schedule(() => {
          log.log.electUncleanLeader('t', 0, 6);
          log.append(['other 6', 'other 7']);
        }, 4_500);
      },
    );
    expect(failed).toBeUndefined();
    expect(all(seen)).toEqual([...numbers(0, 10), 'other 6', 'other 7']);
    expect(infos.flatMap(({ inputs }) => inputs.log?.lost ?? [])).toEqual([
      { topic: 't', partition: 0, from: 6, until: 10, topicId: 'topic-1' },
    ]);
  });
});
