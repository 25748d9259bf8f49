import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, it, vi } from 'vitest';
import { ConnectionGuard } from '../../../../src/sources/kafka/kafkajs/connectionGuard.js';
import { makeCluster } from '../../../../src/sources/kafka/kafkajs/kafkajsCluster.js';

describe('ConnectionGuard', () => {
  it('makes a connection once for all that need it at a time', async () => {
    let made = 0;
    const count = () => void made++;
    const server = createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const guard = new ConnectionGuard();
    subscribe('net.client.socket', count);
    try {
      const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
      const { connectionPoolBuilder } = makeCluster(kafka).brokerPool;
      guard.watch(connectionPoolBuilder);
      const pool = (await connectionPoolBuilder.build()) as unknown as { getConnection(): Promise<unknown> };
      await Promise.all([pool.getConnection(), pool.getConnection(), pool.getConnection()]);
      await pool.getConnection();
      expect(made).toBe(1);
    } finally {
      unsubscribe('net.client.socket', count);
      guard.close();
      server.close();
    }
  });

  it('leaves no timer behind once a request is answered', async () => {
    const lengthBytes = 4;
    const correlationIdAt = 8;
    // Answers each request with its correlation id and nothing else.
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .on('data', (request) => {
          const answer = Buffer.alloc(2 * lengthBytes);
          answer.writeInt32BE(lengthBytes, 0);
          answer.writeInt32BE(request.readInt32BE(correlationIdAt), lengthBytes);
          socket.write(answer);
        }),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const guard = new ConnectionGuard();
    const set = vi.spyOn(globalThis, 'setTimeout');
    const cleared = vi.spyOn(globalThis, 'clearTimeout');
    try {
      const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
      const { connectionPoolBuilder } = makeCluster(kafka).brokerPool;
      guard.watch(connectionPoolBuilder);
      const pool = (await connectionPoolBuilder.build()) as unknown as {
        getConnection(): Promise<{ send(call: object): Promise<unknown> }>;
      };
      const connection = await pool.getConnection();
      set.mockClear();
      const encode = async () => ({ buf: Buffer.alloc(0), buffer: Buffer.alloc(0) });
      const request = { apiKey: 18, apiVersion: 0, apiName: 'ApiVersions', encode };
      const response = { decode: async () => ({}), parse: async () => 'answered' };
      await expect(connection.send({ request, response })).resolves.toBe('answered');
      // What clears it runs behind the answer.
      await new Promise((resolve) => setImmediate(resolve));
      const stopped = new Set(cleared.mock.calls.map(([timer]) => timer));
      const left = set.mock.results.filter(({ value }) => !stopped.has(value));
      expect(left).toEqual([]);
    } finally {
      set.mockRestore();
      cleared.mockRestore();
      guard.close();
      server.close();
    }
  });
});
