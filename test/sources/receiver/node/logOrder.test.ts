import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryWriteAheadLog, type WriteAheadLog } from 'dstream';
import { CheckpointError, fileBlockStore, fileWriteAheadLog } from 'dstream/node';
import { firstValueFrom, from } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { checkedEnd, nothing, openLog, readEnd, recordsFrom } from '../../../support/loggedBlocks.js';
import { failure, MemoryFiles } from '../../../support/memoryFiles.js';
import { settle } from '../../../support/savedBatches.js';

const base = mkdtempSync(join(tmpdir(), 'dstream-log-order-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
const newDirectory = () => join(base, String(count++));

const blockAt = (first: number, length = 3) => ({ from: first, records: recordsFrom(first, length) });
const openOf = (log: WriteAheadLog) => firstValueFrom(from(log.open({ saved: 0, planned: 0 })));

/** Logs that keep their blocks for a next opening. */
const logs: Readonly<Record<string, () => WriteAheadLog>> = {
  memoryWriteAheadLog,
  fileWriteAheadLog: () => fileWriteAheadLog(newDirectory()),
  'fileWriteAheadLog, with small segments': () => fileWriteAheadLog(newDirectory(), { segmentBytes: 100 }),
  'fileWriteAheadLog, with closed segments': () => fileWriteAheadLog(newDirectory(), { closeAfterWrite: true }),
};

describe.each(Object.entries(logs))('the order of blocks in %s', (_, newLog) => {
  it('writes blocks that are appended side by side one after the other', async () => {
    const log = newLog();
    const session = await openOf(log);
    await Promise.all(Array.from({ length: 20 }, (_, i) => settle(session.append(blockAt(3 * i)))));
    await settle(session.close());
    const again = await openOf(log);
    expect(checkedEnd(again.recovered(), nothing())).toBe(60);
    await settle(again.close());
  });

  it.each([
    ['leaves records out', 4],
    ['brings records again', 2],
  ])('refuses a block that %s, and goes on', async (_, first) => {
    const log = newLog();
    const session = await openOf(log);
    await settle(session.append(blockAt(0)));
    const refused = settle(session.append(blockAt(first)));
    await expect(refused).rejects.toThrow(CheckpointError);
    await expect(refused).rejects.toThrow(`write records ${first} to ${first + 3}: record 3 comes next`);
    await settle(session.append(blockAt(3)));
    await settle(session.close());
    const again = await openOf(log);
    expect(checkedEnd(again.recovered(), nothing())).toBe(6);
    await settle(again.append(blockAt(6)));
    await settle(again.close());
    const last = await openOf(log);
    expect(checkedEnd(last.recovered(), nothing())).toBe(9);
    await settle(last.close());
  });
});

describe('a write-ahead log in files, used side by side', () => {
  it('fails every block behind one that failed', async () => {
    const files = new MemoryFiles();
    const session = await openLog(files, nothing(), undefined, { maxFailures: 1 });
    let syncs = 0;
    files.before = ({ operation, name }) => {
      if (operation === 'sync' && ++syncs === 2) throw failure('EIO', operation, name);
    };
    const appended = await Promise.allSettled([0, 3, 6, 9].map((first) => settle(session.append(blockAt(first)))));
    expect(appended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
    await settle(session.close());
    expect(await readEnd(files, nothing())).toBe(3);
  });

  it('is closed when what was appended before is durable, and takes nothing more', async () => {
    const directory = newDirectory();
    const session = await openOf(fileWriteAheadLog(directory, { segmentBytes: 100 }));
    const appended = [0, 3, 6].map((first) => settle(session.append(blockAt(first))));
    const closed = settle(session.close());
    await expect(settle(session.append(blockAt(9)))).rejects.toThrow('write records 9 to 12: it is closed');
    await Promise.all([...appended, closed]);
    const again = await openOf(fileWriteAheadLog(directory));
    expect(checkedEnd(again.recovered(), nothing())).toBe(9);
    await settle(again.close());
  });
});

describe('a block store in files, used side by side', () => {
  it('has blocks that can all be read, and may leave records out', async () => {
    const session = await openOf(fileBlockStore(newDirectory(), { segmentBytes: 100 }));
    await Promise.all(Array.from({ length: 10 }, (_, i) => settle(session.append(blockAt(5 * i)))));
    for (let offset = 0; offset < 50; offset++) {
      const read = session.read?.(offset);
      if (offset % 5 >= 3) await expect(read).rejects.toThrow(`record ${offset} is not in the log any more`);
      else expect((await read)?.block).toMatchObject(blockAt(offset - (offset % 5)));
    }
    await expect(settle(session.append(blockAt(40)))).rejects.toThrow('record 48 comes next');
    await settle(session.close());
  });
});
