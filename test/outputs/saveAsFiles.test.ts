import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Batch, foreachBatch, fromBatches, mapRecords, memoryCheckpoint } from 'dstream';
import { StorageError, saveAsObjectFiles, saveAsTextFiles } from 'dstream/node';
import { lastValueFrom, type OperatorFunction, retry, toArray } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { type OutputJob, standingCasesOfOutput } from '../operators/standingOutputs.js';

const folder = mkdtempSync(join(tmpdir(), 'dstream-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A stream, and an output for it. */
const job = (output: OperatorFunction<Batch<unknown>, Batch<unknown>>) => (): OutputJob<unknown> => ({
  open: (records, batchObserver) => fromBatches([records], { interval: 5, batchObserver }),
  output,
});
const text = saveAsTextFiles<unknown>(join(folder, 'text'));
standingCasesOfOutput<unknown>(
  'saveAsTextFiles',
  ['a', 'b'],
  job(text),
  (boom) => (source) =>
    source.pipe(
      mapRecords(() => ({ toString: boom })),
      text,
    ),
);
const objects = saveAsObjectFiles<unknown>(join(folder, 'objects'));
standingCasesOfOutput<unknown>(
  'saveAsObjectFiles',
  [{ a: 1 }, 'b'],
  job(objects),
  (boom) => (source) =>
    source.pipe(
      mapRecords(() => ({ toJSON: boom })),
      objects,
    ),
);

/** What is in the files of a batch, by name. */
function filesOf(prefix: string, time: number): Record<string, string> {
  const directory = `${prefix}-${time}`;
  return Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
}

const times = async (stream: ReturnType<typeof fromBatches>) =>
  (await lastValueFrom(stream.pipe(toArray()))).map(({ context }) => context.time);

describe('saveAsTextFiles', () => {
  it('writes a file for each batch and partition, empty ones too, and passes the batch on when they are there', async () => {
    const prefix = join(folder, 'words');
    const source = fromBatches([['a', 'b', 'c'], []], { interval: 5 });
    const [first = 0, second = 0] = await times(source.pipe(saveAsTextFiles(prefix)) as never);
    expect(filesOf(prefix, first)).toEqual({ 'part-00000': 'a\nb\n', 'part-00001': 'c\n' });
    expect(filesOf(prefix, second)).toEqual({ 'part-00000': '', 'part-00001': '' });
  });

  it('replaces the files of a batch that is run again', async () => {
    const prefix = join(folder, 'again');
    const saved: number[] = [];
    const source = fromBatches([['new']], { interval: 5, partitions: 1, checkpoint: memoryCheckpoint() });
    const crash = foreachBatch<string>((_, { time }) => {
      if (saved.push(time) > 1) return;
      writeFileSync(`${prefix}-${time}/part-00000`, 'something else, and longer');
      throw new Error('crash');
    });
    await lastValueFrom(source.pipe(saveAsTextFiles(prefix), crash, retry(1)));
    expect(saved).toEqual([saved[0], saved[0]]);
    expect(filesOf(prefix, saved[0] ?? 0)).toEqual({ 'part-00000': 'new\n' });
  });

  it('writes large partitions whole', async () => {
    const prefix = join(folder, 'large');
    const records = Array.from({ length: 50_000 }, (_, i) => `record ${i}`);
    const [time = 0] = await times(
      fromBatches([records], { interval: 5, partitions: 1 }).pipe(saveAsTextFiles(prefix)) as never,
    );
    expect(filesOf(prefix, time)['part-00000']).toBe(`${records.join('\n')}\n`);
  });

  it('tries a partition again, and goes on without one that cannot be written when it is told to', async () => {
    const blocked = join(folder, 'blocked');
    writeFileSync(blocked, '');
    let failures = 0;
    const free = (error: unknown) => {
      expect(error).toBeInstanceOf(StorageError);
      if (++failures === 2) rmSync(blocked);
      return true;
    };
    const [time = 0] = await times(
      fromBatches([['a']], { interval: 5, partitions: 1 }).pipe(
        saveAsTextFiles(join(blocked, 'words'), { retry: { count: 5, delay: 1, when: free } }),
      ) as never,
    );
    expect(filesOf(join(blocked, 'words'), time)).toEqual({ 'part-00000': 'a\n' });
    expect(failures).toBe(2);

    const file = join(folder, 'in-the-way');
    writeFileSync(file, '');
    const letters: unknown[] = [];
    const next = ({ id, error }: { id: string; error: unknown }) => void letters.push([id, error]);
    const [skipped = 0] = await times(
      fromBatches([['a']], { interval: 5, partitions: 1 }).pipe(
        saveAsTextFiles(join(file, 'words'), { onError: { next } }),
      ) as never,
    );
    expect(letters).toEqual([[`${skipped}-0`, expect.any(StorageError)]]);
  });

  it('fails with a typed error that names the place, and leaves nothing half written', async () => {
    const blocked = join(folder, 'file');
    writeFileSync(blocked, '');
    const failed = lastValueFrom(fromBatches([['a']], { interval: 5 }).pipe(saveAsTextFiles(join(blocked, 'words'))));
    await expect(failed).rejects.toThrow(StorageError);
    await expect(failed).rejects.toThrow(join(blocked, 'words'));
    expect(() => saveAsTextFiles('')).toThrow('saveAsTextFiles: prefix ("") must be a non-empty path');
  });
});

describe('saveAsObjectFiles', () => {
  it('writes JSON Lines', async () => {
    const prefix = join(folder, 'objects');
    const source = fromBatches([[{ a: 1 }, ['line\nbreak'], null]], { interval: 5, partitions: 1 });
    const [time = 0] = await times(source.pipe(saveAsObjectFiles(prefix)) as never);
    expect(filesOf(prefix, time)).toEqual({ 'part-00000.jsonl': '{"a":1}\n["line\\nbreak"]\nnull\n' });
  });

  it('fails for a record that has no JSON', async () => {
    const attempt = (record: unknown) =>
      lastValueFrom(fromBatches([[record]], { interval: 5 }).pipe(saveAsObjectFiles(join(folder, 'none'))));
    await expect(attempt(undefined)).rejects.toMatchObject({ code: 'INVALID_RECORD' });
    await expect(attempt(1n)).rejects.toMatchObject({ code: 'INVALID_RECORD' });
  });
});
