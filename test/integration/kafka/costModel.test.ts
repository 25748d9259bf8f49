import { type BatchInfo, costModel, foreachBatch } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { expect, it } from 'vitest';
import { burn } from '../../../bench/backpressure/burn.js';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { ObservedRun } from '../../support/observedRun.js';

const total = 400_000;
/** What a record costs at first, in ms of this machine: so the topic lasts for all batches on a fast one, too. */
const costMs = 0.02;
/** Batches before everything costs twelve times as much, and in all: more than other tests beside this one make it cost. */
const phases = { change: 25, end: 60 };
const initialRate = 5_000;
const interval = 200;

/** How many rounds take so long here, once they are compiled. */
function roundsFor(ms: number): number {
  let [rounds, took] = [100_000, 0];
  let waste = burn(rounds);
  while (took < 20) {
    rounds *= 2;
    const begun = performance.now();
    waste ^= burn(rounds);
    took = performance.now() - begun;
  }
  return Math.max(1, Math.round((rounds * ms) / took) + (waste & 0));
}

describeKafka('costModel on a real Kafka, before a map that burns the processor', () => {
  it('starts small, grows by its bound, and shrinks when the cost has risen; no record is lost, memory stays flat', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, 4);
    const value = 'x'.repeat(80);
    const messages = Array.from({ length: 800 }, (_, i) => ({ partition: i % 4, value }));
    await produce(
      kafka,
      topic,
      Array.from({ length: total / 800 }, () => messages),
    );

    const rounds = roundsFor(costMs);
    const observed = new ObservedRun(phases.end);
    const { infos, rss } = observed;
    let waste = 0;
    const stream = (batchObserver: { next(info: BatchInfo): void }) =>
      kafkaBatches(kafka, {
        topics: [topic],
        start: 'earliest',
        interval,
        deserialize: (view) => view.valueLength,
        backpressure: costModel(),
        initialRate,
        batchObserver,
      });
    const output = foreachBatch<number>((records) => {
      const times = infos.length < phases.change ? 1 : 12;
      for (let i = 0; i < records.length; i++) waste ^= burn(times * rounds);
    });
    await observed.run(stream, output);
    expect(Number.isInteger(waste)).toBe(true);

    const sizes = infos.map(({ records }) => records);
    const decisions = infos.map(({ inputs }) => inputs.kafka?.decision);
    console.log(`records: ${sizes.join(' ')}`);
    console.log(`rules: ${decisions.map((decision) => decision?.rule).join(' ')}`);

    expect(decisions[0]?.rule).toBe('initial');
    expect(sizes[0]).toBe((initialRate * interval) / 1_000);
    let largest = sizes[0] ?? 0;
    for (const size of sizes) {
      expect(size).toBeLessThanOrEqual(2 * largest);
      largest = Math.max(largest, size);
    }

    const cost = (index: number) => decisions[index]?.model?.costPerRecord ?? Number.NaN;
    expect(cost(phases.end - 1)).toBeGreaterThan(2 * cost(phases.change - 1));
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(sizes.slice(-15))).toBeLessThan(mean(sizes.slice(phases.change - 10, phases.change)) / 2);

    // Offsets follow on one another: nothing is left out, nothing comes twice.
    const next = new Map<number, number>();
    for (const { inputs } of infos) {
      for (const { partition, from, until } of inputs.kafka?.ranges ?? []) {
        expect(from).toBe(next.get(partition) ?? 0);
        next.set(partition, until);
      }
    }
    expect([...next.values()].reduce((a, b) => a + b, 0)).toBe(sizes.reduce((a, b) => a + b, 0));

    const third = Math.floor(rss.length / 3);
    const early = Math.max(...rss.slice(third, 2 * third));
    expect(Math.max(...rss.slice(2 * third)) - early).toBeLessThan(32 * 2 ** 20);
  });
});
