import { type BatchInfo, foreachBatch, pid, type RateControllerFactory } from 'dstream';
import { type KafkaFetchEvent, kafkaBatches } from 'dstream/kafka';
import { timer } from 'rxjs';
import { expect, it } from 'vitest';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { ObservedRun } from '../../support/observedRun.js';

const total = 600_000;

/** A controller that hears what the output costs, in ms a record, whatever a busy machine adds to it. */
function costing(factory: RateControllerFactory, cost: () => number): RateControllerFactory {
  return (setup) => {
    const controller = factory(setup);
    return {
      completed: (info, records) =>
        controller.completed({ ...info, processingDelay: records * cost(), saveDelay: 0 }, records),
      rate: (formation) => controller.rate(formation),
    };
  };
}

describeKafka('the loop on a real Kafka', () => {
  it('asks for less while the output is slow and for more when it is fast, and memory stays flat', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, 4);
    const value = 'x'.repeat(80);
    await produce(
      kafka,
      topic,
      // Small record batches: they are the unit below which no fetch can go.
      Array.from({ length: total / 800 }, () => Array.from({ length: 800 }, (_, i) => ({ partition: i % 4, value }))),
    );

    const fetches: { batches: number; event: KafkaFetchEvent }[] = [];
    // 0.02 ms a record, then 0.2 ms, then 0.02 ms again: capacities of 50,000 and of 5,000 records a second.
    const phases = { slowFrom: 12, fastFrom: 60, end: 110 };
    const observed = new ObservedRun(phases.end);
    const { infos, rss } = observed;
    const cost = () => (infos.length >= phases.slowFrom && infos.length < phases.fastFrom ? 0.2 : 0.02);
    const stream = (batchObserver: { next(info: BatchInfo): void }) =>
      kafkaBatches(kafka, {
        topics: [topic],
        start: 'earliest',
        interval: 100,
        deserialize: (view) => view.valueLength,
        // Without the integral term: it answers the queue of the first slow seconds with its floor (see the docs).
        backpressure: costing(pid({ integral: 0 }), cost),
        initialRate: 10_000,
        fetchObserver: { next: (event) => fetches.push({ batches: infos.length, event }) },
        batchObserver,
      });
    const output = foreachBatch<number>((records) => timer(records.length * cost()));
    await observed.run(stream, output);

    const rates = infos.map(({ inputs }) => inputs.kafka?.rate ?? 0);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    const asked = (from: number, until: number) =>
      mean(
        fetches
          .filter(({ batches }) => batches >= from && batches < until)
          .map(({ event }) => mean(event.partitions.map(({ maxBytes }) => maxBytes))),
      );
    const fast = asked(6, phases.slowFrom);
    const slow = asked(phases.fastFrom - 20, phases.fastFrom);
    const again = asked(phases.end - 15, phases.end);
    console.log(`mean max bytes a partition: fast ${fast | 0}, slow ${slow | 0}, fast again ${again | 0}`);
    console.log(`rates: ${rates.join(' ')}`);
    expect(slow).toBeLessThan(fast / 3);
    expect(again).toBeGreaterThan(slow * 3);
    // The lag shrinks by what was read and by nothing else.
    const read = infos.reduce((sum, { records }) => sum + records, 0);
    expect(infos.at(-1)?.inputs.kafka?.lag).toBeLessThanOrEqual(total - read);
    expect(read).toBeLessThan(total);

    const third = Math.floor(rss.length / 3);
    const early = Math.max(...rss.slice(third, 2 * third));
    const late = Math.max(...rss.slice(2 * third));
    console.log(
      `rss in MB: ${rss
        .filter((_, i) => i % 5 === 0)
        .map((bytes) => Math.round(bytes / 2 ** 20))
        .join(' ')}`,
    );
    expect(late - early).toBeLessThan(32 * 2 ** 20);
  });
});
