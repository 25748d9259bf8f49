import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BatchInfo,
  batchesFrom,
  DeserializationError,
  type DriverOptions,
  fixedRate,
  foreachBatch,
  InvalidOptionError,
  memoryCheckpoint,
  ReceiverError,
} from 'dstream';
import { type FileReceiverOptions, fileReceiver } from 'dstream/node';
import { describe, expect, it } from 'vitest';

const newDirectory = () => mkdtempSync(join(tmpdir(), 'dstream-files-'));

/** Runs until `enough` returns true after a batch, or the stream fails; returns the records of each batch that has some. */
function run<T>(
  directory: string,
  {
    options = {},
    driver = {},
    enough,
  }: {
    readonly options?: FileReceiverOptions<T>;
    readonly driver?: Partial<DriverOptions>;
    readonly enough: (batches: readonly (readonly T[])[], infos: readonly BatchInfo[]) => boolean;
  },
): Promise<readonly (readonly T[])[]> {
  const batches: (readonly T[])[] = [];
  const infos: BatchInfo[] = [];
  return new Promise((resolve, reject) => {
    const { lines } = batchesFrom(
      { lines: fileReceiver<T>(directory, { idleTime: 0, ...options }) },
      { interval: 10, ...driver, batchObserver: { next: (info) => infos.push(info) } },
    );
    const subscription = lines
      .pipe(
        foreachBatch((records) => {
          if (records.length > 0) batches.push(records);
        }),
      )
      .subscribe({
        next: () => {
          if (!enough(batches, infos)) return;
          subscription.unsubscribe();
          resolve(batches);
        },
        error: reject,
      });
  });
}

const flat = <T>(batches: readonly (readonly T[])[]) => batches.flat();
const has = (count: number) => (batches: readonly (readonly unknown[])[]) => batches.flat().length >= count;

describe('fileReceiver', () => {
  it('reads each line of each file once, in the order of the names', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'b.txt'), 'b1\r\nb2\n');
    writeFileSync(join(directory, 'a.txt'), 'a1\n\nä3');
    for (const name of ['.hidden', '_temporary', 'half.tmp']) writeFileSync(join(directory, name), 'x\n');
    mkdirSync(join(directory, 'below'));
    const batches = await run<string>(directory, { enough: has(5) });
    expect(flat(batches)).toEqual(['a1', '', 'ä3', 'b1', 'b2']);
  });

  it('reads files in the order of their times, of a pattern, by a parser', async () => {
    const directory = newDirectory();
    for (const [name, time] of [
      ['b.json', 1],
      ['a.json', 2],
      ['c.txt', 0],
    ] as const) {
      writeFileSync(join(directory, name), `{"from":"${name}"}\n`);
      utimesSync(join(directory, name), time, time);
    }
    const parse = (line: string, file: string) => `${file}: ${JSON.parse(line).from}`;
    const batches = await run(directory, {
      options: { order: 'time', pattern: /\.json$/, parse },
      enough: has(2),
    });
    expect(flat(batches)).toEqual(['b.json: b.json', 'a.json: a.json']);
  });

  it('goes on where a file that grows had ended, and takes new files', async () => {
    const directory = newDirectory();
    const path = join(directory, 'a.log');
    writeFileSync(path, '1\n2\n3');
    let steps = 0;
    const batches = await run<string>(directory, {
      options: { idleTime: 1e9 },
      enough: (seen) => {
        if (seen.flat().length === 2 && steps === 0) {
          steps++;
          appendFileSync(path, '3\n4\n');
          writeFileSync(join(directory, 'b.tmp'), '5\n');
          renameSync(join(directory, 'b.tmp'), join(directory, 'b.log'));
        }
        return seen.flat().length === 5;
      },
    });
    expect(flat(batches)).toEqual(['1', '2', '33', '4', '5']);
  });

  it('keeps to the rate and to maxBatchBytes, and takes whole lines', async () => {
    const directory = newDirectory();
    writeFileSync(
      join(directory, 'a'),
      Array.from({ length: 200 }, (_, i) => `line ${String(i).padStart(4, '0')}\n`).join(''),
    );
    const small = await run<string>(directory, { options: { maxBatchBytes: 100 }, enough: has(200) });
    expect(flat(small)).toHaveLength(200);
    for (const batch of small) expect(batch.length).toBe(10);
    const rated = await run<string>(directory, {
      driver: { backpressure: fixedRate(1_000), initialRate: 1_000 },
      enough: has(200),
    });
    expect(flat(rated)).toHaveLength(200);
    expect(rated.length).toBeGreaterThan(10);
  });

  it('replays a batch from the files, and goes on behind it, without a write-ahead log', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'a'), '1\n2\n3\n');
    const checkpoint = memoryCheckpoint();
    const seen: (readonly string[])[] = [];
    const once = (fails: boolean, count: number) =>
      new Promise<unknown>((resolve) => {
        const { lines } = batchesFrom({ lines: fileReceiver<string>(directory) }, { interval: 10, checkpoint });
        const subscription = lines
          .pipe(
            foreachBatch((records) => {
              if (records.length === 0) return;
              seen.push(records);
              if (fails) throw new Error('crash');
              if (seen.flat().length < count) return;
              setTimeout(() => {
                subscription.unsubscribe();
                resolve('left');
              }, 30);
            }),
          )
          .subscribe({ error: resolve });
      });
    expect(await once(true, 0)).toEqual(new Error('crash'));
    appendFileSync(join(directory, 'a'), '4\n');
    await once(false, 7);
    writeFileSync(join(directory, 'b'), '5\n');
    await once(false, 8);
    expect(seen).toEqual([['1', '2', '3'], ['1', '2', '3'], ['4'], ['5']]);
  });

  it('begins with what is added later if that is asked for', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'a'), 'old\n');
    let written = false;
    const batches = await run<string>(directory, {
      options: { start: 'latest' },
      enough: (seen) => {
        if (!written) appendFileSync(join(directory, 'a'), 'new\n');
        written = true;
        return seen.flat().length === 1;
      },
    });
    expect(flat(batches)).toEqual(['new']);
  });

  it('fails with file and offset on too long a line, a line that cannot be parsed, and a file that is shorter than before', async () => {
    const directory = newDirectory();
    const path = join(directory, 'a');
    writeFileSync(path, '1\nnot json\n');
    const never = () => false;
    const parsed = run(directory, { options: { parse: (line) => JSON.parse(line) }, enough: never });
    await expect(parsed).rejects.toThrow(DeserializationError);
    await expect(parsed).rejects.toMatchObject({ topic: 'a', offset: 2 });
    const long = run(directory, { options: { maxLineBytes: 5, maxBatchBytes: 5 }, enough: never });
    await expect(long).rejects.toThrow(`fileReceiver ${path}: the line at byte 2 is longer than 5 bytes`);
    const shorter = run<string>(directory, {
      enough: (seen) => {
        if (seen.length > 0) truncateSync(path, 3);
        return false;
      },
    });
    await expect(shorter).rejects.toThrow(ReceiverError);
    await expect(shorter).rejects.toThrow('it has 3 bytes, and 11 of it have been read');
  });

  it('fails with the name of a directory that is not there', async () => {
    const directory = join(newDirectory(), 'missing');
    const failed = run(directory, { enough: () => false });
    await expect(failed).rejects.toThrow(ReceiverError);
    await expect(failed).rejects.toThrow(`fileReceiver ${directory}: ENOENT`);
  });

  it('goes on when a file that has been read is deleted', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'a'), '1\n');
    let deleted = false;
    const batches = await run<string>(directory, {
      enough: (seen) => {
        if (seen.length === 1 && !deleted) {
          deleted = true;
          rmSync(join(directory, 'a'));
          writeFileSync(join(directory, 'b'), '2\n');
        }
        return seen.length === 2;
      },
    });
    expect(flat(batches)).toEqual(['1', '2']);
  });

  it('refuses options out of range', () => {
    expect(() => fileReceiver('')).toThrow(InvalidOptionError);
    expect(() => fileReceiver('x', { order: 'size' as 'name' })).toThrow('fileReceiver: order ("size")');
    expect(() => fileReceiver('x', { start: 'now' as 'latest' })).toThrow('start ("now")');
    expect(() => fileReceiver('x', { maxBatchBytes: 0 })).toThrow('maxBatchBytes (0)');
    expect(() => fileReceiver('x', { maxLineBytes: 0 })).toThrow('maxLineBytes (0)');
    expect(() => fileReceiver('x', { idleTime: -1 })).toThrow('idleTime (-1)');
    expect(() => fileReceiver('x', { pattern: '*.txt' as unknown as RegExp })).toThrow('pattern ("*.txt")');
  });
});
