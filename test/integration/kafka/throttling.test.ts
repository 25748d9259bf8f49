import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { foreachBatch } from 'dstream';
import { type KafkaFetchEvent, kafkaBatches } from 'dstream/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { makeTopic, newKafka, produce } from '../../support/kafka.js';

// Needs a cluster of its own, to set a quota on with Kafka's own tool.
describe.skipIf(whyNoBroker())('a quota on the bytes that are read (KIP-219)', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    // Rates are taken over two seconds: over eleven, as by default, two megabytes would pass as a burst.
    cluster = await startKafka({ properties: { 'quota.window.num': 2 } });
  }, 600_000);
  afterAll(() => cluster?.stop(), 60_000);

  it('is obeyed: the client waits for the time in the response, and every record arrives once and in order', async () => {
    const brokers = cluster.brokers.split(',');
    const filler = newKafka({ brokers });
    const topic = await makeTopic(filler, 1);
    const value = 'x'.repeat(1_000);
    const messages = Array.from({ length: 500 }, (_, i) => ({ key: String(i), value, partition: 0 }));
    await produce(filler, topic, [messages, messages, messages, messages]);

    const clientId = `slow-${randomUUID()}`;
    const quota = ['--alter', '--add-config', 'consumer_byte_rate=500000'];
    const client = ['--entity-type', 'clients', '--entity-name', clientId];
    const tool = ['-cp', cluster.classpath, 'kafka.admin.ConfigCommand', '--bootstrap-server', cluster.brokers];
    execFileSync('java', [...tool, ...quota, ...client], { stdio: 'pipe' });

    const events: (KafkaFetchEvent & { readonly at: number })[] = [];
    const keys: string[] = [];
    const stream = kafkaBatches(newKafka({ brokers, clientId }), {
      topics: [topic],
      start: 'earliest',
      interval: 50,
      maxBufferedBytes: 300_000,
      deserialize: (view) => view.keyText() ?? '',
      fetchObserver: { next: (event) => events.push({ ...event, at: performance.now() }) },
    });
    await new Promise<void>((resolve, reject) => {
      stream.pipe(foreachBatch((records) => void keys.push(...records))).subscribe({
        next: () => keys.length >= 2_000 && void stream.stop(),
        error: reject,
        complete: resolve,
      });
    });
    const expected = messages.map(({ key }) => key);
    expect(keys).toEqual([...expected, ...expected, ...expected, ...expected]);
    // Two megabytes at half a megabyte a second: the broker has to throttle.
    const throttled = events.filter(({ throttleTime }) => throttleTime > 0);
    expect(throttled.length).toBeGreaterThan(0);
    for (const event of throttled) {
      const next = events[events.indexOf(event) + 1];
      // A timer may fire a millisecond early by another clock.
      if (next) expect(next.at - event.at).toBeGreaterThanOrEqual(event.throttleTime - 2);
    }
  });
});
