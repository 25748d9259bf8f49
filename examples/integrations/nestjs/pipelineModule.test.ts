import 'reflect-metadata';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { foreachBatch, fromBatches } from 'dstream';
import { PipelineModule } from './pipelineModule.js';

@Injectable()
class Words {
  readonly seen: string[] = [];
}

@Module({ providers: [Words], exports: [Words] })
class WordsModule {}

test('starts with the application, and finishes the open batch before it ends', async () => {
  let opened = () => {};
  const open = new Promise<void>((resolve) => {
    opened = resolve;
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  @Module({
    imports: [
      PipelineModule.forRoot({
        imports: [WordsModule],
        inject: [Words],
        useFactory: (words: Words) => {
          const stream = fromBatches([['to', 'be']], { interval: 10, emptyAfter: Number.POSITIVE_INFINITY });
          const write = async (records: readonly string[]) => {
            if (records.length === 0) return;
            opened();
            await released;
            words.seen.push(...records);
          };
          return { stream, output: stream.pipe(foreachBatch(write)) };
        },
      }),
    ],
  })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const words = app.get(Words, { strict: false });
  await open;
  const closed = app.close();
  assert.deepEqual(words.seen, []);
  release();
  await closed;
  assert.deepEqual(words.seen, ['to', 'be']);
});
