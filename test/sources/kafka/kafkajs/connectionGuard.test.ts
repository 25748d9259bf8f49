import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, it } from 'vitest';
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
});
