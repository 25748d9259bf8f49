import {
  type Batch,
  type BatchInfo,
  batchesFrom,
  foreachBatch,
  type LogClient,
  logBatches,
  logSource,
  logTasksFrom,
  type MemoryLog,
  memoryCheckpoint,
  memoryLog,
  string,
} from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { from, ignoreElements, merge, mergeMap, type Observable, retry, type SchedulerLike, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { logLike } from '../../support/logLike.js';
import { virtual } from '../../support/virtual.js';

/** What a client takes to say that a broker has not answered, in ms. */
const requestTimeoutMs = 30_000;
const silentPartition = 1;

/** A log whose partitions are led by one broker each. That of partition 1 answers no fetch in the times that `isSilent` says. */
function log(scheduler: SchedulerLike, isSilent: (now: number) => boolean): { log: MemoryLog; client: LogClient } {
  const log = memoryLog({ topics: { t: 3 }, scheduler });
  const client: LogClient = {
    name: 'log',
    connect: log.connect.bind(log),
    partitions: log.partitions.bind(log),
    offsets: log.offsets.bind(log),
    committed: log.committed.bind(log),
    commit: log.commit.bind(log),
    close: log.close.bind(log),
    broker: ({ partition }) => `${partition}`,
    fetch: (requests, options) =>
      isSilent(scheduler.now()) && requests.some(({ partition }) => partition === silentPartition)
        ? timer(requestTimeoutMs, scheduler).pipe(ignoreElements())
        : timer(1, scheduler).pipe(mergeMap(() => from(log.fetch(requests, options)))),
  };
  return { log, client };
}

const values = (partition: number, from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ partition, value: `${partition}-${from + i}` }));
const ofPartition = (partition: number, records: readonly (string | null)[]) =>
  records.filter((record) => record?.startsWith(`${partition}-`));
const expected = (partition: number, count: number) => values(partition, 0, count).map(({ value }) => value);

interface Seen {
  readonly at: number;
  readonly records: readonly (string | null)[];
}

const options = { topics: ['t'], start: 'earliest', interval: 100, deserialize: string() } as const;

describe('a partition whose broker does not answer', () => {
  it.each([false, true])(
    'holds up neither the others nor what is planned after it, and is read once it answers (checkpoint: %s)',
    (withCheckpoint) => {
      const seen: Seen[] = [];
      const infos: BatchInfo[] = [];
      virtual((scheduler) => {
        const { log: topic, client } = log(scheduler, (now) => now > 1_000 && now < 20_000);
        for (const partition of [0, 1, 2]) topic.append('t', values(partition, 0, 5));
        const stream = logBatches(client, {
          ...options,
          scheduler,
          maxRatePerPartition: 100,
          ...(withCheckpoint && { checkpoint: memoryCheckpoint() }),
          batchObserver: { next: (info) => infos.push(info) },
        });
        stream
          .pipe(foreachBatch((records) => void seen.push({ at: scheduler.now(), records })))
          .subscribe({ error: (error) => expect.fail(`${error}`) });
        let from = 5;
        const append = () => {
          for (const partition of [0, 1, 2]) topic.append('t', values(partition, from, 5));
          from += 5;
          if (from < 205) scheduler.schedule(append, 500);
        };
        scheduler.schedule(append, 1_050);
        scheduler.schedule(() => void stream.stop(), 60_000);
      });
      const all = seen.flatMap(({ records }) => records);
      for (const partition of [0, 1, 2]) expect(ofPartition(partition, all)).toEqual(expected(partition, 205));
      const until = (time: number) => seen.filter(({ at }) => at <= time).flatMap(({ records }) => records);
      // While it is silent, from one second on: the others have waited for two, once.
      for (const partition of [0, 2]) expect(ofPartition(partition, until(10_000)).length).toBeGreaterThan(80);
      expect(ofPartition(silentPartition, until(20_000))).toHaveLength(5);
      const unavailable = infos.flatMap(({ inputs }) => inputs.log?.unavailable ?? []);
      expect(unavailable[0]).toMatchObject({ topic: 't', partition: 1, error: { code: 'TIMED_OUT', retriable: true } });
      expect(infos.at(-1)?.inputs.log?.unavailable).toBeUndefined();
    },
  );

  it('is not waited for to learn the size of its records', () => {
    const seen: Seen[] = [];
    virtual((scheduler) => {
      const { log: topic, client } = log(scheduler, (now) => now < 10_000);
      for (const partition of [0, 1, 2]) topic.append('t', values(partition, 0, 5));
      const stream = logBatches(client, { ...options, scheduler });
      stream.pipe(foreachBatch((records) => void seen.push({ at: scheduler.now(), records }))).subscribe();
      scheduler.schedule(() => void stream.stop(), 60_000);
    });
    const first = seen.find(({ records }) => records.length > 0);
    expect(first?.at).toBeLessThan(5_000);
    expect(first?.records).toEqual([...expected(0, 5), ...expected(2, 5)]);
    expect(seen.flatMap(({ records }) => records)).toHaveLength(15);
  });

  it('is waited for by a batch that is replayed, which has the same records again', () => {
    const attempts: (readonly (string | null)[])[] = [];
    virtual((scheduler) => {
      const { log: topic, client } = log(scheduler, (now) => now > 1_000 && now < 20_000);
      for (const partition of [0, 1, 2]) topic.append('t', values(partition, 0, 5));
      const stream = logBatches(client, { ...options, scheduler, checkpoint: memoryCheckpoint() });
      const running = stream
        .pipe(
          foreachBatch((records) => {
            if (records.length === 0) return;
            attempts.push(records);
            if (attempts.length === 1) throw new Error('the first attempt fails');
          }),
          retry({ delay: () => timer(2_000, scheduler) }),
        )
        .subscribe();
      scheduler.schedule(() => running.unsubscribe(), 60_000);
    });
    expect(attempts).toHaveLength(2);
    expect(attempts[1]).toEqual(attempts[0]);
  });

  it('is waited for where nothing else is read', () => {
    const seen: Seen[] = [];
    virtual((scheduler) => {
      const { log: topic, client } = log(scheduler, (now) => now > 1_000 && now < 5_000);
      topic.append('t', values(1, 0, 5));
      const stream = logBatches(client, {
        ...{ start: 'earliest', interval: 100, deserialize: string() },
        partitions: [{ topic: 't', partition: 1 }],
        scheduler,
      });
      stream.pipe(foreachBatch((records) => void seen.push({ at: scheduler.now(), records }))).subscribe();
      scheduler.schedule(() => void topic.append('t', values(1, 5, 5)), 2_000);
      scheduler.schedule(() => void stream.stop(), 60_000);
    });
    const withRecords = seen.filter(({ records }) => records.length > 0).map(({ records }) => records.length);
    expect(withRecords).toEqual([5, 5]);
  });

  it.each(['batchesFrom', 'logTasksFrom'] as const)(
    'holds up no other source of %s, where each has one partition',
    (how) => {
      const seen = { a: [] as Seen[], b: [] as Seen[] };
      const infos: BatchInfo[] = [];
      virtual((scheduler) => {
        const topics = memoryLog({ topics: { a: 1, b: 1 }, scheduler });
        const isSilent = () => scheduler.now() > 1_000 && scheduler.now() < 20_000;
        const client = logLike(topics, {
          broker: ({ topic }) => topic,
          fetch: (requests, options) =>
            isSilent() && requests.some(({ topic }) => topic === 'b')
              ? timer(requestTimeoutMs, scheduler).pipe(ignoreElements())
              : timer(1, scheduler).pipe(mergeMap(() => from(topics.fetch(requests, options)))),
        });
        let sent = 0;
        const append = () => {
          for (const topic of ['a', 'b']) topics.append(topic, values(0, sent, 5));
          sent += 5;
          if (sent < 200) scheduler.schedule(append, 500);
        };
        append();
        const source = (topic: string) => ({ topics: [topic], start: 'earliest', deserialize: string() }) as const;
        const job = { interval: 100, scheduler, batchObserver: { next: (info: BatchInfo) => void infos.push(info) } };
        const counted = ({ a, b }: Readonly<Record<'a' | 'b', Observable<Batch<string | null>>>>) => {
          const see = (name: 'a' | 'b') => (records: readonly (string | null)[]) =>
            void seen[name].push({ at: scheduler.now(), records });
          return merge(a.pipe(foreachBatch(see('a'))), b.pipe(foreachBatch(see('b'))));
        };
        const failed = (error: unknown) => expect.fail(`${error}`);
        if (how === 'batchesFrom') {
          const streams = batchesFrom({ a: logSource(client, source('a')), b: logSource(client, source('b')) }, job);
          counted(streams).subscribe({ error: failed });
          scheduler.schedule(() => void streams.a.stop(), 60_000);
        } else {
          const group = memoryGroup({ log: topics, scheduler });
          const tasks = logTasksFrom(client, group, { a: source('a'), b: source('b') }, { ...job, groupId: 'g' });
          tasks.pipe(mergeMap(({ streams }) => counted(streams))).subscribe({ error: failed });
          scheduler.schedule(() => void tasks.stop(), 60_000);
        }
      });
      const until = (time: number, of: readonly Seen[]) =>
        of.filter(({ at }) => at <= time).flatMap(({ records }) => records);
      for (const of of [seen.a, seen.b]) expect(until(60_000, of)).toEqual(expected(0, 200));
      expect(until(10_000, seen.a).length).toBeGreaterThan(80);
      expect(until(20_000, seen.b).length).toBeLessThan(20);
      const unavailable = infos.flatMap(({ inputs }) => inputs.b?.unavailable ?? []);
      expect(unavailable[0]).toMatchObject({ topic: 'b', partition: 0, error: { code: 'TIMED_OUT', retriable: true } });
      expect(infos.at(-1)?.inputs.b?.unavailable).toBeUndefined();
    },
  );
});
