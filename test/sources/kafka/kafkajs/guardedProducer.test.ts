import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, it } from 'vitest';
import { kafkajsTransactions } from '../../../../src/sources/kafka/kafkajs/kafkajsTransactions.js';

/** Answers everything with the same bytes. */
async function brokerAnswering(bytes: Buffer): Promise<Server> {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('the producer of transactions', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  // What throws out of the callback of a socket is an uncaught exception, which fails the run.
  it.each([
    ['no bytes', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['a length that cannot be', [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
    ['three bytes', [0, 0, 0, 3, 1, 2, 3, 0]],
    ['an answer to no request', [0, 0, 0, 6, 0x7f, 0, 0, 0, 0, 0]],
  ])('fails with a typed error where a broker answers with %s', async (_, bytes) => {
    server = await brokerAnswering(Buffer.from(bytes));
    const { port } = server.address() as { port: number };
    const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 1 } });
    const producer = kafkajsTransactions(kafka, 1_000).producer('id');
    await expect(producer.begin()).rejects.toMatchObject({ code: expect.any(String), retriable: true });
    await producer.close();
    server.close();
    // All sockets are closed.
    await once(server, 'close');
  });
});
