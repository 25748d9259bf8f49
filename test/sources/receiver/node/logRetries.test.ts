import { FencedError, StorageError } from 'dstream/node';
import { describe, expect, it } from 'vitest';
import { checkedEnd, nothing, openLog, readEnd, recordsFrom } from '../../../support/loggedBlocks.js';
import { failure, MemoryFiles, type Tail } from '../../../support/memoryFiles.js';
import { settle } from '../../../support/savedBatches.js';

const segmentsOf = (files: MemoryFiles) =>
  files
    .names()
    .filter((name) => name.startsWith('segment-'))
    .sort();

/** Fails so many calls of one kind, on files of the log. */
function failing(files: MemoryFiles, operation: string, times: number): void {
  let left = times;
  files.before = (call) => {
    if (call.operation === operation && call.name.startsWith('segment') && left-- > 0) {
      throw failure('EIO', call.operation, call.name);
    }
  };
}

describe('a log whose write fails', () => {
  it.each(['write', 'sync'])('writes the records again, into a new segment: %s', async (operation) => {
    const files = new MemoryFiles();
    const failures: unknown[] = [];
    const session = await openLog(files, nothing(), 1e9, { failureObserver: { next: (f) => failures.push(f) } });
    await settle(session.append({ from: 0, records: recordsFrom(0, 2) }));
    failing(files, operation, 1);
    await settle(session.append({ from: 2, records: recordsFrom(2, 2) }));
    await settle(session.append({ from: 4, records: recordsFrom(4, 1) }));
    await settle(session.close());
    expect(segmentsOf(files)).toEqual(['segment-1', 'segment-2']);
    expect(failures).toMatchObject([{ failures: 1, error: { code: 'EIO' } }]);
    expect(await readEnd(files, nothing())).toBe(5);
  });

  it('fails with a StorageError after maxFailures, and has what was stored', async () => {
    for (const maxFailures of [1, 2, 3, 5]) {
      const files = new MemoryFiles();
      const failures: number[] = [];
      const session = await openLog(files, nothing(), 1e9, {
        maxFailures,
        failureObserver: { next: (f) => failures.push(f.failures) },
      });
      await settle(session.append({ from: 0, records: recordsFrom(0, 2) }));
      failing(files, 'write', Infinity);
      await expect(settle(session.append({ from: 2, records: recordsFrom(2, 2) }))).rejects.toThrow(StorageError);
      expect(failures).toEqual(Array.from({ length: maxFailures }, (_, i) => i + 1));
      files.before = () => {};
      await expect(settle(session.append({ from: 2, records: recordsFrom(2, 2) }))).rejects.toThrow(StorageError);
      await settle(session.close());
      expect(await readEnd(files, nothing())).toBe(2);
    }
  });

  it('begins the same segment again if that failed, and never one behind that of another process', async () => {
    const files = new MemoryFiles();
    const session = await openLog(files, nothing());
    await settle(session.append({ from: 0, records: recordsFrom(0, 2) }));
    // The append, and the first record of the new segment.
    failing(files, 'write', 2);
    await settle(session.append({ from: 2, records: recordsFrom(2, 2) }));
    expect(segmentsOf(files)).toEqual(['segment-1', 'segment-2']);
    await settle(session.close());
    expect(await readEnd(files, nothing())).toBe(4);
  });

  it('is fenced rather than writing again once another process has taken over', async () => {
    const files = new MemoryFiles();
    const first = await openLog(files, nothing());
    await settle(first.append({ from: 0, records: recordsFrom(0, 2) }));
    const second = await openLog(files, nothing());
    failing(files, 'write', 1);
    await expect(settle(first.append({ from: 2, records: recordsFrom(2, 2) }))).rejects.toThrow(FencedError);
    files.before = () => {};
    expect(checkedEnd(second.recovered(), nothing())).toBe(2);
    await settle(second.append({ from: 2, records: recordsFrom(2, 3) }));
    await settle(first.close());
    await settle(second.close());
    expect(await readEnd(files, nothing())).toBe(5);
  });

  it.each<Tail>(['none', 'all', 'half', 'zeros', 'hole'])(
    'has what was stored after a power cut at any call of a repeated write (%s)',
    async (tail) => {
      const cuts: { readonly files: MemoryFiles; readonly stored: number }[] = [];
      for (const operation of ['write', 'sync', 'open', 'truncate'] as const) {
        const files = new MemoryFiles();
        const session = await openLog(files, nothing(), 200);
        let stored = 0;
        let calls = 0;
        files.before = (call) => {
          cuts.push({ files: files.afterPowerCut(tail), stored });
          if (!call.name.startsWith('segment')) return;
          if (call.operation === operation && calls++ % 7 === 3) throw failure('EIO', call.operation, call.name);
        };
        for (let from = 0; from < 20; from += 2) {
          await settle(session.append({ from, records: recordsFrom(from, 2) }));
          stored = from + 2;
        }
        files.before = () => {};
        await settle(session.close());
      }
      expect(cuts.length).toBeGreaterThan(100);
      for (const { files, stored } of cuts) expect(await readEnd(files, nothing())).toBeGreaterThanOrEqual(stored);
    },
  );
});

describe('segments', () => {
  it('are finished after rollInterval, at the next write', async () => {
    const files = new MemoryFiles();
    let now = 0;
    const session = await openLog(files, { ...nothing(), now: () => now }, 1e9, { rollInterval: 1_000 });
    for (const [at, from] of [
      [500, 0],
      [999, 1],
      [1_000, 2],
      [1_500, 3],
      [5_000, 4],
    ] as const) {
      now = at;
      await settle(session.append({ from, records: recordsFrom(from, 1), time: at }));
    }
    await settle(session.close());
    expect(segmentsOf(files)).toEqual(['segment-1', 'segment-2', 'segment-3']);
    const again = await openLog(files, nothing());
    expect(again.recovered().map(({ time }) => time)).toEqual([500, 999, 1_000, 1_500, 5_000]);
    await settle(again.close());
  });

  it('are closed after each write where that is asked for', async () => {
    const files = new MemoryFiles();
    let closed = 0;
    files.before = ({ operation, name }) => {
      if (operation === 'close' && name.startsWith('segment')) closed++;
    };
    const session = await openLog(files, nothing(), 1e9, { closeAfterWrite: true });
    for (let from = 0; from < 4; from++) {
      await settle(session.append({ from, records: recordsFrom(from, 1) }));
      expect(closed).toBe(from + 1);
    }
    await settle(session.close());
    expect(closed).toBe(4);
    expect(segmentsOf(files)).toHaveLength(4);
    expect(await readEnd(files, nothing())).toBe(4);
  });
});
