// A broker calls a producer fenced that nobody has taken over from.
import { randomUUID } from 'node:crypto';
import { mapRecords, string } from 'dstream';
import { kafkaBatches, sendToKafka } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { firstValueFrom, type Observable, Subject, timeout } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { FaultyProxy } from '../../support/faultyProxy.js';
import { committedOffsets, makeTopic, newKafka, produce } from '../../support/kafka.js';

const initProducerId = 22;
const limitMs = 300_000;
/** The id was taken: a broker refuses that while it still ends a transaction. The error code is behind length, correlation id and throttle time. */
const isTaken = (response: Buffer) => response.readInt16BE(12) === 0;

describe.skipIf(whyNoBroker())('a producer that is called fenced', () => {
  let cluster: KafkaCluster;
  let proxy: FaultyProxy;
  let kafka: Kafka;
  beforeAll(async () => {
    cluster = await startKafka({
      properties: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 200 },
      proxy: async (port) => {
        proxy = await FaultyProxy.start(port);
        return proxy.port;
      },
    });
    kafka = newKafka({ brokers: [cluster.brokers] });
  });
  afterAll(async () => {
    await Promise.all([cluster?.stop(), proxy?.close()]);
  });

  interface Job {
    readonly input: string;
    readonly groupId: string;
    readonly stream: Observable<unknown>;
    /** The errors after which it started again. */
    readonly restarts: readonly { readonly code: string; readonly message: string }[];
    stop(drainTimeout: number): Promise<unknown>;
  }

  async function job(requestTimeout: number, transactionTimeout = 60_000): Promise<Job> {
    const [input, output, groupId] = [await makeTopic(kafka, 1), await makeTopic(kafka, 1), randomUUID()];
    const client = newKafka({ brokers: [cluster.proxiedBrokers], requestTimeout });
    const restarts: { code: string; message: string }[] = [];
    const source = kafkaBatches(client, {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 100,
      deserialize: string(),
      retry: { delay: 50, maxDelay: 100 },
      monitors: [
        {
          run: () => ({
            restarting: ({ error }) => {
              restarts.push(error as { code: string; message: string });
            },
          }),
        },
      ],
    });
    const stream = source.pipe(
      mapRecords((value) => ({ value })),
      sendToKafka(client, { topic: output, groupId, transactionTimeout }),
    );
    return { input, groupId, stream, restarts, stop: (drainTimeout) => source.stop({ drainTimeout }) };
  }

  const write = (topic: string, value: string) => produce(kafka, topic, [[{ value }]]);
  const until = async (isDone: () => boolean | Promise<boolean>) => {
    for (const begun = performance.now(); !(await isDone()); await new Promise((resolve) => setTimeout(resolve, 50))) {
      if (performance.now() - begun > limitMs) throw new Error('it does not get there');
    }
  };
  const isAt = (one: Job, offset: number) => async () => {
    // The first group of a broker waits for its coordinator, and kafkajs does not.
    const [committed] = await committedOffsets(kafka, one.groupId, one.input).catch(() => []);
    return committed === offset;
  };

  it('goes on where its own InitProducerId, sent twice, was processed in the other order', {
    timeout: 600_000,
  }, async () => {
    const one = await job(1_000);
    await write(one.input, 'a');
    proxy.hold = (apiKey) => apiKey === initProducerId && proxy.held === 0;
    const errors: unknown[] = [];
    const subscription = one.stream.subscribe({ error: (error: unknown) => errors.push(error) });
    await until(isAt(one, 1));
    expect(proxy.held).toBe(1);
    proxy.hold = undefined;
    await proxy.release(isTaken);
    await write(one.input, 'b');
    await until(async () => errors.length > 0 || (await isAt(one, 2)()));
    expect(errors).toEqual([]);
    expect(one.restarts.map(({ code }) => code)).toEqual(['TIMED_OUT', 'PROTOCOL']);
    expect(one.restarts[1]?.message).toContain('got no answer, was processed late');
    subscription.unsubscribe();
  });

  it('fails where the InitProducerId of another process is processed late, and says that it may be', {
    timeout: 600_000,
  }, async () => {
    const one = await job(30_000);
    await write(one.input, 'a');
    proxy.hold = (apiKey) => apiKey === initProducerId;
    const dead = newKafka({ brokers: [cluster.proxiedBrokers] }).producer({ transactionalId: one.groupId });
    await dead.connect();
    const asked = dead.transaction().catch(() => {});
    await until(() => proxy.held === 1);
    proxy.cutAll();
    await dead.disconnect();
    await asked;
    proxy.hold = undefined;
    const failed = new Subject<{ code: string; message: string }>();
    const failure = firstValueFrom(failed.pipe(timeout(limitMs)));
    one.stream.subscribe({ error: (error) => failed.next(error) });
    await until(isAt(one, 1));
    await proxy.release(isTaken);
    await write(one.input, 'b');
    const { code, message } = await failure;
    expect(code).toBe('FENCED');
    expect(message).toContain('killed');
    // As a supervisor does.
    const again = one.stream.subscribe();
    await until(isAt(one, 2));
    again.unsubscribe();
  });

  it('goes on where the broker has aborted a transaction that took too long', { timeout: 600_000 }, async () => {
    const one = await job(30_000, 1_000);
    await write(one.input, 'a');
    const errors: unknown[] = [];
    const subscription = one.stream.subscribe({ error: (error: unknown) => errors.push(error) });
    await until(isAt(one, 1));
    // Its requests are answered when the broker has aborted the transaction.
    proxy.delayMs = 2_500;
    await write(one.input, 'b');
    await until(() => errors.length + one.restarts.length > 0);
    proxy.delayMs = 0;
    await until(async () => errors.length > 0 || (await isAt(one, 2)()));
    expect(one.restarts.map(({ message }) => message)).toEqual([
      `the transaction of "${one.groupId}" took longer than 1000 ms`,
    ]);
    expect(errors).toEqual([]);
    subscription.unsubscribe();
  });

  it('leaves nothing open when it is stopped while its broker is silent', { timeout: 600_000 }, async () => {
    const one = await job(30_000);
    const before = process.getActiveResourcesInfo().length;
    let batches = 0;
    const ended = new Promise<void>((resolve, reject) => {
      one.stream.subscribe({ next: () => batches++, complete: resolve, error: reject });
    });
    await write(one.input, 'a');
    await until(isAt(one, 1));
    proxy.swallow = 'both';
    // Enough for a batch to be in the middle of its transaction.
    const at = batches;
    await write(one.input, 'b');
    await until(() => batches > at + 1);
    await one.stop(3_000);
    await ended;
    // Sockets that were destroyed are gone a turn later.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before);
    proxy.heal();
    proxy.cutAll();
  });
});
