import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BatchInfo,
  foreachBatch,
  type LogSynced,
  memoryCheckpoint,
  memoryWriteAheadLog,
  receiverBatches,
  type StreamSnapshot,
} from 'dstream';
import { fileCheckpoint, fileWriteAheadLog } from 'dstream/node';
import { timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { slowWriteAheadLog } from '../../support/slowWriteAheadLog.js';
import { virtual } from '../../support/virtual.js';

describe('a receiver under monitors', () => {
  it('shows its queue in a snapshot: records, blocks, and what no batch has taken as lag', () => {
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches<number>(
        ({ store }) => {
          for (let i = 0; i < 5; i++) store(i);
        },
        { interval: 10, blockInterval: 5, maxRate: 200, name: 'pushed' },
      );
      const subscription = stream.pipe(foreachBatch(() => timer(2))).subscribe();
      for (const at of [7, 15]) scheduler.schedule(() => seen.push(stream.snapshot()?.inputs), at);
      scheduler.schedule(() => subscription.unsubscribe(), 16);
    });
    const [before, after] = seen as StreamSnapshot['inputs'][];
    expect(Object.values(before ?? {})[0]).toMatchObject({
      receiver: { queuedRecords: 5, queuedBlocks: 1 },
      partitions: [{ planned: 0, end: 5, committed: 0, lag: 5 }],
    });
    expect(Object.values(after ?? {})[0]).toMatchObject({
      receiver: { queuedRecords: 3, queuedBlocks: 1 },
      partitions: [{ planned: 2, end: 5, committed: 2, lag: 3 }],
    });
  });

  it('tells of each append to its write-ahead log, and of one that fails', () => {
    const events: LogSynced[] = [];
    virtual(() => {
      let writes = 0;
      const log = slowWriteAheadLog(memoryWriteAheadLog(), () => ({ before: 2, after: 1, fails: ++writes > 1 }));
      receiverBatches<string>(
        ({ store }) => {
          store('a', () => {
            store('b');
            store('c');
          });
        },
        {
          interval: 10,
          checkpoint: memoryCheckpoint(),
          writeAheadLog: log,
          monitors: [{ run: () => ({ synced: (event) => void events.push(event) }) }],
        },
      )
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: () => {} });
    });
    expect(events).toEqual([
      { source: 'receiver', records: 1, startTime: 0, duration: 3 },
      { source: 'receiver', records: 2, startTime: 3, duration: 2, error: new Error('disk lost') },
    ]);
  });

  it('counts what overflowed by that reason', () => {
    const infos: BatchInfo[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches<number>(
        ({ store }) => {
          for (let i = 0; i < 5; i++) store(i);
        },
        { interval: 10, maxQueue: 3, overflow: 'drop-newest', batchObserver: { next: (info) => infos.push(info) } },
      );
      const subscription = stream.pipe(foreachBatch(() => {})).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 15);
    });
    expect(Object.values(infos[0]?.inputs ?? {})[0]).toMatchObject({ skipped: 2, skippedBy: { overflow: 2 } });
  });

  it('shows the bytes of a write-ahead log in files', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dstream-receiver-'));
    try {
      const stream = receiverBatches<string>(
        ({ store, complete }) => {
          store('a record');
          complete();
        },
        {
          interval: 5,
          checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
          writeAheadLog: fileWriteAheadLog(join(directory, 'wal')),
        },
      );
      const bytes = await new Promise<number | undefined>((resolve, reject) => {
        let found: number | undefined;
        stream
          .pipe(
            foreachBatch((records) => {
              const [input] = Object.values(stream.snapshot()?.inputs ?? {});
              if (records.length > 0) found = input?.receiver?.writeAheadLogBytes;
            }),
          )
          .subscribe({ error: reject, complete: () => resolve(found) });
      });
      expect(bytes).toBeGreaterThan('a record'.length);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
