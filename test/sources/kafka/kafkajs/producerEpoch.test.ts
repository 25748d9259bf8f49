import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Broker } from '../../../../src/sources/kafka/kafkajs/kafkajsCluster.js';
import { ProducerEpoch } from '../../../../src/sources/kafka/kafkajs/producerEpoch.js';

const fenced = () => Object.assign(new Error('There is a newer producer'), { type: 'INVALID_PRODUCER_EPOCH' });
const own = { producerId: '4000', producerEpoch: 7 };
const aborted = { throttleTime: 0, errorCode: 0, state: 'CompleteAbort', producerId: 4000n, producerEpoch: 8 };

/** A coordinator that answers so; an error is thrown. */
function broker(answers: { readonly init?: unknown; readonly described?: unknown } = {}): Broker {
  const answer = async (value: unknown) => {
    if (value instanceof Error) throw value;
    return value;
  };
  return {
    initProducerId: () => answer(answers.init),
    addOffsetsToTxn: () => answer(undefined),
    addPartitionsToTxn: () => answer(undefined),
    connectionPool: { send: () => answer(answers.described) },
  } as unknown as Broker;
}

/** The epoch of a producer whose transaction has been open for as long as `timeoutMs`. */
async function openFor(timeoutMs: number, one: Broker, id: string = randomUUID()): Promise<ProducerEpoch> {
  const epoch = new ProducerEpoch(id, timeoutMs, 0);
  epoch.watch(one);
  await one.addOffsetsToTxn(own);
  return epoch;
}

describe('ProducerEpoch', () => {
  it('leaves other errors alone', async () => {
    const epoch = await openFor(0, broker({ described: aborted }));
    expect(await epoch.whyOver(new Error('no route to host'), 'Produce')).toBeUndefined();
  });

  it('knows of a transaction that begins with records and has no offsets', async () => {
    const one = broker({ described: aborted });
    const epoch = new ProducerEpoch(randomUUID(), 0, 0);
    epoch.watch(one);
    await one.addPartitionsToTxn(own);
    expect(await epoch.whyOver(fenced(), 'Produce')).toMatchObject({ code: 'TIMED_OUT', retriable: true });
  });

  it('is a takeover while the transaction has time left', async () => {
    const epoch = await openFor(60_000, broker({ described: aborted }));
    expect(await epoch.whyOver(fenced(), 'Produce')).toMatchObject({ code: 'FENCED', retriable: false });
  });

  it('is a takeover in the next transaction, which has begun just now', async () => {
    const one = broker({ described: aborted });
    const epoch = await openFor(0, one);
    epoch.ended();
    expect(await epoch.whyOver(fenced(), 'Produce')).toMatchObject({ code: 'FENCED' });
  });

  it('is the time limit where the coordinator has aborted the transaction by itself', async () => {
    const epoch = await openFor(0, broker({ described: aborted }));
    const wrapped = new Error('gave up', { cause: fenced() });
    expect(await epoch.whyOver(wrapped, 'Produce')).toMatchObject({ code: 'TIMED_OUT', retriable: true });
  });

  it.each([
    ['another epoch', { ...aborted, producerEpoch: 9 }],
    ['another producer', { ...aborted, producerId: 4001n }],
    ['nothing under way', { ...aborted, state: 'Empty' }],
    ['an error', { ...aborted, errorCode: 16 }],
    ['no answer', new Error('the connection was closed')],
  ])('is a takeover where the coordinator says: %s', async (_, described) => {
    const epoch = await openFor(0, broker({ described }));
    expect(await epoch.whyOver(fenced(), 'Produce')).toMatchObject({ code: 'FENCED' });
  });

  it('is a repeated request of this process, once for each that got no answer', async () => {
    const [id, other] = [randomUUID(), randomUUID()];
    const lost = broker({ init: new Error('the connection was closed') });
    const first = new ProducerEpoch(id, 60_000, 0);
    first.watch(lost);
    await expect(lost.initProducerId({})).rejects.toThrow('closed');
    const elsewhere = new ProducerEpoch(other, 60_000, 0);
    expect(await elsewhere.whyOver(fenced(), 'Produce')).toMatchObject({ code: 'FENCED' });
    // The producer that follows it.
    const second = new ProducerEpoch(id, 60_000, 0);
    expect(await second.whyOver(fenced(), 'Produce')).toMatchObject({
      code: 'PROTOCOL',
      kafkaError: 'INVALID_PRODUCER_EPOCH',
      retriable: true,
    });
    expect(await second.whyOver(fenced(), 'Produce')).toMatchObject({ code: 'FENCED' });
  });

  it('does not count a request that was answered with an error', async () => {
    const id = randomUUID();
    const refusing = broker({ init: Object.assign(new Error('busy'), { type: 'CONCURRENT_TRANSACTIONS' }) });
    const epoch = new ProducerEpoch(id, 60_000, 0);
    epoch.watch(refusing);
    await expect(refusing.initProducerId({})).rejects.toThrow('busy');
    expect(await epoch.whyOver(fenced(), 'Produce')).toMatchObject({ code: 'FENCED' });
  });
});
