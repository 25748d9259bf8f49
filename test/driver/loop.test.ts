import {
  type BatchInfo,
  foreachBatch,
  logBatches,
  mapRecords,
  memoryLog,
  type Pair,
  pid,
  reduceByKey,
  reduceByKeyAndWindow,
  string,
} from 'dstream';
import { faultyLog } from 'dstream/testing';
import { merge, retry, share, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

describe('the whole loop in virtual time', () => {
  it('fetches less while the output is slow, and more again when it is fast', () => {
    const infos: BatchInfo[] = [];
    const asked: [time: number, bytes: number][] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 2 } });
      log.append(
        't',
        Array.from({ length: 40_000 }, (_, i) => ({ value: 'x'.repeat(84), partition: i % 2 })),
      );
      const client = faultyLog(log, () => undefined);
      const observed = {
        ...client,
        fetch: (...[requests, options]: Parameters<typeof client.fetch>) => {
          asked.push([scheduler.now(), requests.reduce((sum, { maxBytes }) => sum + maxBytes, 0)]);
          return client.fetch(requests, options);
        },
      };
      // 0.5 ms a record at first, 4 ms a record from second 10 to 20: a capacity of 2,000, then of 250 records a second.
      const cost = () => (scheduler.now() >= 10_000 && scheduler.now() < 20_000 ? 4 : 0.5);
      const stream = logBatches(observed, {
        topics: ['t'],
        start: 'earliest',
        interval: 1_000,
        deserialize: string(),
        backpressure: pid(),
        initialRate: 500,
        batchObserver: { next: (info) => infos.push(info) },
      });
      stream.pipe(foreachBatch((records) => timer(records.length * cost()))).subscribe();
      scheduler.schedule(() => void stream.stop(), 40_500);
    });
    const rateAt = (second: number) => infos.find(({ time }) => time === second * 1_000)?.inputs.log?.rate ?? 0;
    expect(rateAt(1)).toBe(500);
    expect(rateAt(9)).toBeGreaterThan(1_900);
    expect(Math.min(...[19, 22, 25, 28].map(rateAt))).toBeLessThan(300);
    expect(rateAt(40)).toBeGreaterThan(1_900);
    const bytesBetween = (from: number, until: number) => {
      const bytes = asked.filter(([time]) => time >= from && time < until).map(([, maxBytes]) => maxBytes);
      return Math.max(...bytes);
    };
    expect(bytesBetween(19_000, 30_000)).toBeLessThan(bytesBetween(6_000, 10_000) / 5);
    expect(bytesBetween(34_000, 37_000)).toBeGreaterThan(bytesBetween(19_000, 30_000) * 5);
    expect(infos.at(-1)?.schedulingDelay).toBeLessThan(1_000);
  });

  it('comes to the same result through slow and failing calls as without them', () => {
    const run = (disturbed: boolean) => {
      const totals = new Map<string, number>();
      const windows: unknown[] = [];
      virtual((scheduler) => {
        const log = memoryLog({ topics: { t: 3 } });
        scheduler.schedule(function (n: number | undefined) {
          const i = n ?? 0;
          if (i >= 60) return;
          log.append('t', [{ key: `k${i % 4}`, value: `k${i % 4}` }]);
          this.schedule(i + 1, 5);
        }, 5);
        const client = faultyLog(log, (call, count) => {
          if (!disturbed) return undefined;
          if (call === 'fetch' && count % 4 === 1) return { delay: 7 };
          if (call === 'fetch' && count % 9 === 5) return { error: new Error('lost') };
          if (call === 'commit' && count === 3) return { delay: 12 };
          return undefined;
        });
        const stream = logBatches(client, {
          topics: ['t'],
          groupId: 'g',
          start: 'earliest',
          interval: 20,
          deserialize: string(),
        });
        const shared = stream.pipe(
          mapRecords((key): Pair<string, number> => [key ?? '', 1]),
          share(),
        );
        const total = shared.pipe(
          reduceByKey((a, b) => a + b),
          foreachBatch((counts) => {
            for (const [key, count] of counts) totals.set(key, (totals.get(key) ?? 0) + count);
          }),
        );
        const windowed = shared.pipe(
          reduceByKeyAndWindow((a, b) => a + b, { window: 40 }),
          foreachBatch((counts) => {
            windows.push(counts.length);
          }),
        );
        merge(total, windowed).pipe(retry()).subscribe();
        scheduler.schedule(() => void stream.stop(), 500);
      });
      return totals;
    };
    expect(run(false)).toEqual(
      new Map([
        ['k0', 15],
        ['k1', 15],
        ['k2', 15],
        ['k3', 15],
      ]),
    );
    expect(run(true)).toEqual(run(false));
  });
});
