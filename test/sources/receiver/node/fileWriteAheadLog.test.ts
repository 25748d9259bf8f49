import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidOptionError, InvalidRecordError, type WriteAheadLogSession } from 'dstream';
import { CheckpointError, CorruptCheckpointError, fileCheckpoint, fileWriteAheadLog } from 'dstream/node';
import { from, lastValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { checkedEnd, live, nothing, openLog, readEnd, recordsFrom } from '../../../support/loggedBlocks.js';
import { MemoryFiles } from '../../../support/memoryFiles.js';
import { settle } from '../../../support/savedBatches.js';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-wal-'));
  directories.push(directory);
  return directory;
}

const open = (directory: string, saved = 0, planned = saved, segmentBytes = 1e9): Promise<WriteAheadLogSession> =>
  lastValueFrom(from(fileWriteAheadLog(directory, { segmentBytes }).open({ saved, planned })));

const segments = (files: MemoryFiles) => files.names().filter((name) => name.startsWith('segment'));

describe('fileWriteAheadLog', () => {
  it('gives back what was appended, on a real disk, whatever the structured clone algorithm can copy', async () => {
    const directory = scratch();
    const records = [1, 'a', null, undefined, { a: [1] }, new Map([[1, new Date(5)]]), 5n, NaN, -0, Buffer.from('b')];
    const first = await open(directory);
    await settle(first.append({ from: 0, records }));
    await settle(first.append({ from: records.length, records: ['last'] }));
    await settle(first.close());
    const second = await open(directory);
    expect(second.recovered()).toEqual([
      { from: 0, records },
      { from: records.length, records: ['last'] },
    ]);
    await settle(second.close());
    expect(readdirSync(directory).sort()).toEqual(['segment-1', 'segment-2']);
  });

  it('writes a block of many bytes in several groups, and gives every record back', async () => {
    const files = new MemoryFiles();
    const session = await openLog(files, nothing());
    const records = Array.from({ length: 400 }, (_, i) => `${i}`.padEnd(40_000));
    await settle(session.append({ from: 0, records }));
    await settle(session.close());
    const recovered = (await openLog(files, nothing())).recovered();
    expect(recovered.length).toBeGreaterThan(2);
    expect(recovered.flatMap((block) => block.records)).toEqual(records);
  });

  it('keeps positions of receivers in the frame of their records', async () => {
    const files = new MemoryFiles();
    const session = await openLog(files, nothing());
    const records = Array.from({ length: 400 }, (_, i) => `${i}`.padEnd(40_000));
    const positions = [100, 200, 350].map((until) => ({ until, positions: ['', `n${until}`] }));
    await settle(session.append({ from: 0, records, time: 5, positions }));
    await settle(session.append({ from: 400, records: ['x'], time: 6 }));
    await settle(session.close());
    const recovered = (await openLog(files, nothing())).recovered();
    const ends = recovered.map((block) => block.from + block.records.length);
    const expected = recovered.map((block, i) =>
      positions.findLast(({ until }) => until > block.from && until <= (ends[i] ?? 0)),
    );
    expect(recovered.map((block) => block.positions?.at(-1))).toEqual(expected);
    expect(expected.filter((position) => position).length).toBeGreaterThan(1);
    expect(recovered.flatMap((block) => block.records)).toEqual([...records, 'x']);
  });

  it('gives only what is not saved, and deletes segments in which all is saved', async () => {
    const files = new MemoryFiles();
    const session = await openLog(files, nothing(), 300);
    for (let n = 0; n < 60; n += 3) await settle(session.append({ from: n, records: recordsFrom(n, 3) }));
    const all = segments(files);
    expect(all.length).toBeGreaterThan(4);
    await settle(session.release(30));
    const left = segments(files);
    expect(left.length).toBeLessThan(all.length);
    expect(left).toEqual(all.slice(-left.length));
    await settle(session.close());

    const known = { stored: 60, planned: 40, saved: 30 };
    const second = await openLog(files, known, 300);
    const recovered = second.recovered();
    expect(checkedEnd(recovered, known)).toBe(60);
    expect(recovered[0]?.from).toBe(30);
    await settle(second.release(60));
    // The one that is written to.
    expect(segments(files)).toHaveLength(1);
    await settle(second.close());
  });

  it('takes on the disk what is not saved and a segment or two, however long it runs', async () => {
    const files = new MemoryFiles();
    const session = await openLog(files, nothing(), 1_000);
    let most = 0;
    for (let n = 0; n < 3_000; n += 10) {
      await settle(session.append({ from: n, records: recordsFrom(n, 10) }));
      await settle(session.release(n - 50));
      most = Math.max(most, ...[segments(files).reduce((sum, name) => sum + files.get(name).length, 0)]);
    }
    await settle(session.close());
    expect(most).toBeLessThan(6_000);
  });

  it('keeps no empty segments, however often it is opened', async () => {
    const files = new MemoryFiles();
    const known = nothing();
    await live(files, known, 5);
    for (let i = 0; i < 20; i++) expect(await readEnd(files, known)).toBe(5);
    expect(segments(files).length).toBeLessThanOrEqual(3);
  });

  it('begins where a checkpoint goes on that had no log before', async () => {
    const files = new MemoryFiles();
    const before = { stored: 12, planned: 12, saved: 10 };
    const session = await openLog(files, before);
    expect(session.recovered()).toEqual([]);
    await settle(session.append({ from: 12, records: recordsFrom(12, 3) }));
    await settle(session.close());
    // Those between 10 and 12 were in no log; they are planned still.
    expect((await openLog(files.copy(), before)).recovered()).toEqual([{ from: 12, records: recordsFrom(12, 3) }]);
    expect(await readEnd(files, { stored: 15, planned: 13, saved: 12 })).toBe(15);
  });

  it('refuses a checkpoint that it does not belong to, with file and offset', async () => {
    const files = new MemoryFiles();
    await live(files, nothing(), 20, 200);
    // Its checkpoint was removed, or is an old copy.
    await expect(openLog(files.copy(), nothing())).rejects.toThrow(CorruptCheckpointError);
    await expect(openLog(files.copy(), nothing())).rejects.toThrow('do not belong together');
    // It was removed itself in part, or its checkpoint is another's.
    const ahead = { stored: 30, planned: 30, saved: 18 };
    const refused = await openLog(files.copy(), ahead).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CorruptCheckpointError);
    expect(refused).toMatchObject({ code: 'CORRUPT_CHECKPOINT', file: expect.stringMatching(/segment-\d+$/) });
    expect(String(refused)).toContain('it ends at record 20, and batches were planned up to record 30');
  });

  it('refuses the files of a checkpoint, and of another version', async () => {
    const files = new MemoryFiles();
    await live(files, nothing(), 5);
    const [name = ''] = segments(files);
    const bytes = Buffer.from(files.get(name));
    bytes.writeUInt32BE(7, 8);
    files.set(name, bytes);
    await expect(openLog(files, nothing())).rejects.toThrow('its format is version 7, this library reads 1');

    const directory = scratch();
    const session = await lastValueFrom(from(fileCheckpoint(directory).open()));
    await settle(session.close());
    const { readFileSync } = await import('node:fs');
    files.set(name, readFileSync(join(directory, 'changelog-1')));
    await expect(openLog(files, nothing())).rejects.toThrow('it does not say what comes before it');
  });

  it('reads what this version wrote, byte by byte', async () => {
    const header = '6473747265616d0a00000001';
    const begin = '0000001700000000b7e294fbaff92dbc007b2266726f6d223a302c226265666f7265223a5b5d7d';
    const block =
      '0000002900000001def4a28ad9f662c801000000000000000000000001ff0f41016f22066f6666736574490022047465787422007b02240001';
    const written = new MemoryFiles();
    await live(written, nothing(), 1);
    // How V8 writes a list is its own matter; it reads what it wrote once.
    expect(
      written
        .get('segment-1')
        .toString('hex')
        .slice(0, header.length + begin.length),
    ).toBe(header + begin);
    const read = new MemoryFiles();
    read.set('segment-1', Buffer.from(header + begin + block, 'hex'));
    expect((await openLog(read, nothing())).recovered()).toEqual([{ from: 0, records: recordsFrom(0, 1) }]);
  });

  it('names the record that cannot be written', async () => {
    const files = new MemoryFiles();
    const session = await openLog(files, nothing());
    const error = await settle(session.append({ from: 0, records: [1, () => {}, 2] })).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InvalidRecordError);
    expect(String(error)).toContain('fileWriteAheadLog: record function');
    await settle(session.close());
    expect(await readEnd(files, nothing())).toBe(0);
  });

  it('is used by one stream at a time, and free again when that one has left', async () => {
    const directory = scratch();
    const session = await open(directory);
    await expect(open(directory)).rejects.toThrow(CheckpointError);
    const left = settle(session.close());
    const next = await open(directory);
    await left;
    await settle(next.close());
  });

  it('refuses options out of range', () => {
    expect(() => fileWriteAheadLog('')).toThrow(InvalidOptionError);
    expect(() => fileWriteAheadLog('')).toThrow('fileWriteAheadLog: directory ("")');
    expect(() => fileWriteAheadLog('x', { segmentBytes: 0 })).toThrow('segmentBytes (0) must be a positive integer');
  });
});
