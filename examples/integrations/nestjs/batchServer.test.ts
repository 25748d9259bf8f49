import 'reflect-metadata';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { type BatchContext, logBatches, memoryLog, string } from 'dstream';
import { BatchServer } from './batchServer.js';

function readerOf(log: ReturnType<typeof memoryLog>) {
  return (topic: string) =>
    logBatches(log, {
      topics: [topic],
      groupId: 'nest',
      start: 'earliest',
      interval: 10,
      deserialize: string(),
      retry: { count: 1, delay: 1 },
    });
}

test('calls a handler with each batch, commits after it, and repeats a batch that failed', async () => {
  const log = memoryLog({ topics: { orders: 1 } });
  log.append('orders', [{ value: 'tea' }, { value: 'milk' }]);
  const calls: (readonly (string | null)[])[] = [];
  const committed: (number | undefined)[] = [];
  let seen = () => {};
  const twice = new Promise<void>((resolve) => {
    seen = resolve;
  });

  @Controller()
  class Orders {
    @EventPattern('orders')
    async take(@Payload() orders: readonly (string | null)[], @Ctx() context: BatchContext): Promise<void> {
      if (orders.length === 0) return;
      assert.equal(context.interval, 10);
      calls.push(orders);
      committed.push(log.committedOffset('nest', 'orders', 0));
      if (calls.length === 1) throw new Error('the database is away');
      seen();
    }
  }

  @Module({ controllers: [Orders] })
  class AppModule {}

  const app = await NestFactory.createMicroservice(AppModule, {
    strategy: new BatchServer(readerOf(log)),
    logger: false,
  });
  await app.listen();
  await twice;
  await app.close();
  assert.deepEqual(calls, [
    ['tea', 'milk'],
    ['tea', 'milk'],
  ]);
  assert.deepEqual(committed, [undefined, undefined]);
  assert.equal(log.committedOffset('nest', 'orders', 0), 2);
});

test('refuses a handler that answers', async () => {
  @Controller()
  class Prices {
    @MessagePattern('prices')
    answer(): number {
      return 1;
    }
  }

  @Module({ controllers: [Prices] })
  class AppModule {}

  const strategy = new BatchServer(readerOf(memoryLog({ topics: { prices: 1 } })));
  const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
  await assert.rejects(app.listen(), /use @EventPattern\(\)/);
});
