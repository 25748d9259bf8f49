import { type Aggregator, aggregateByKeyAndWindow, aggregateByWindow, type Pair } from 'dstream';
import { TDigest } from 'tdigest';
import { describe, expect, it } from 'vitest';
import { feed, type TimedRecords } from '../operators/feed.js';

// The sketch of docs/aggregators.md, on more values than an example has: composing with a library must give what the
// library gives, window by window, and over restarts.

type Centroids = { mean: number; n: number }[];

const digestOf = (...parts: Centroids[]): TDigest => {
  const digest = new TDigest();
  for (const centroids of parts) digest.push_centroid(centroids);
  return digest;
};

const median: Aggregator<number, Centroids, number> = {
  name: 't-digest',
  identity: [],
  lift: (value) => [{ mean: value, n: 1 }],
  add(centroids, value) {
    centroids.push({ mean: value, n: 1 });
    return centroids.length < 2_000 ? centroids : digestOf(centroids).toArray();
  },
  combine: (older, newer) => digestOf(older, newer).toArray(),
  lower: (centroids) => digestOf(centroids).percentile(0.5),
};

/** Not sorted, and around another middle in each batch. */
const valuesAt = (time: number): readonly number[] =>
  Array.from({ length: 3_000 }, (_, i) => ((i * 7_919) % 3_001) / 3_001 + time);

const times = [1, 2, 3, 4, 5, 6];

/** The median of all values of the window, exactly. */
function exactMedian(until: number, window: number): number {
  const from = Math.max(until - window, 0) + 1;
  const values = times.filter((time) => time >= from && time <= until).flatMap(valuesAt);
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

describe('a t-digest as an aggregator', () => {
  it.each([{}, { latency: 'worst-case' as const }])('finds the median of each window (%j)', (options) => {
    const batches = times.map((time): TimedRecords<number> => [time, valuesAt(time)]);
    const make = () => aggregateByWindow(median, { window: 3, id: 'm', ...options });
    for (const restart of ['never', 'at-each'] as const) {
      const results = feed(batches, make, { restart });
      expect(results.map(([time]) => time)).toEqual(times);
      for (const [time, [found]] of results) {
        // A hundredth of the values stands between the two at most.
        expect(Math.abs((found as number) - exactMedian(time, 3))).toBeLessThan(0.05);
      }
    }
  });

  it('finds it by key', () => {
    const batches = times.map(
      (time): TimedRecords<Pair<string, number>> => [
        time,
        valuesAt(time).map((value, i) => [i % 2 === 0 ? 'even' : 'odd', value]),
      ],
    );
    const results = feed(batches, () => aggregateByKeyAndWindow(median, { window: 2, id: 'm' }));
    for (const [time, pairs] of results) {
      expect(pairs.map(([key]) => key)).toEqual(['even', 'odd']);
      for (const [, found] of pairs) expect(Math.abs(found - exactMedian(time, 2))).toBeLessThan(0.05);
    }
  });
});
