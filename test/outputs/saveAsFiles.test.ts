import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Batch, foreachBatch, fromBatches, mapRecords, memoryCheckpoint } from 'dstream';
import { csv, type FileSink, jsonLines, StorageError, saveAsObjectFiles, saveAsTextFiles } from 'dstream/node';
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

describe('files', () => {
  it('have a prefix for each batch, and share a folder whose name ends with a slash', async () => {
    const hours = join(folder, 'hours');
    const hour = (time: number) => new Date(time).toISOString().slice(0, 13);
    const source = fromBatches([['a'], ['b']], { interval: 5, partitions: 1 });
    const output = saveAsTextFiles<string>(({ time, interval }) => `${hours}/${interval}/hour=${hour(time)}/`);
    const [first = 0, second = 0] = await times(source.pipe(output) as never);
    const text = (time: number) => readFileSync(join(hours, `5/hour=${hour(time)}`, `${time}-part-00000`), 'utf8');
    expect([text(first), text(second)]).toEqual(['a\n', 'b\n']);
    const failed = lastValueFrom(fromBatches([['a']], { interval: 5 }).pipe(saveAsTextFiles(() => '')));
    await expect(failed).rejects.toThrow('prefix ("") must be a non-empty path');
  });

  it.each([
    ['gzip', '.gz', gunzipSync],
    ['brotli', '.br', brotliDecompressSync],
  ] as const)('are compressed: %s', async (compression, extension, unpack) => {
    const prefix = join(folder, compression);
    const records = Array.from({ length: 30_000 }, (_, i) => ({ i }));
    const source = fromBatches([records, []], { interval: 5, partitions: 1 });
    const [first = 0, second = 0] = await times(source.pipe(saveAsObjectFiles(prefix, { compression })) as never);
    const read = (time: number) => readFileSync(`${prefix}-${time}/part-00000.jsonl${extension}`);
    expect(unpack(read(first)).toString()).toBe(records.map(({ i }) => `{"i":${i}}\n`).join(''));
    expect(unpack(read(second)).toString()).toBe('');
    expect(read(first).length).toBeLessThan(200_000);
    const broken = fromBatches([[1n]], { interval: 5 }).pipe(saveAsObjectFiles(prefix, { compression }));
    await expect(lastValueFrom(broken)).rejects.toMatchObject({ code: 'INVALID_RECORD' });
    expect(() => saveAsTextFiles(prefix, { compression: 'zip' as never })).toThrow('compression ("zip")');
  });

  it('are CSV: quoted where that is needed, with a header', async () => {
    const prefix = join(folder, 'table');
    const records: { a: string; b: unknown; c: unknown }[] = [
      { a: 'plain', b: 1, c: new Date(0) },
      { a: 'with, comma', b: null, c: undefined },
      { a: 'with "quotes"', b: -0.5, c: { d: [1] } },
      { a: 'two\nlines\r', b: 10n, c: true },
    ];
    const format = csv<(typeof records)[number]>({ columns: ['a', 'b', 'c'] });
    const source = fromBatches([records], { interval: 5, partitions: 1 });
    const [time = 0] = await times(source.pipe(saveAsTextFiles(prefix, { format })) as never);
    const rows = [
      'a,b,c',
      'plain,1,1970-01-01T00:00:00.000Z',
      '"with, comma",,',
      '"with ""quotes""",-0.5,"{""d"":[1]}"',
      '"two\nlines\r",10,true',
    ];
    expect(filesOf(prefix, time)).toEqual({ 'part-00000.csv': `${rows.join('\n')}\n` });
    const other = csv<{ a: string }>({ columns: ['a'], header: false, separator: ';' });
    expect(other.header).toBeUndefined();
    expect(other.line({ a: 'a;b' })).toBe('"a;b"');
    expect(other.line({ a: 'a,b' })).toBe('a,b');
    expect(() => csv({ columns: [] })).toThrow('must name at least one column');
    expect(() => csv<{ a: string }>({ columns: ['a'], separator: '"' })).toThrow('must be a single character');
    expect(jsonLines<unknown>().line({ a: 1 })).toBe('{"a":1}');
  });

  it('left half written by a process that died are removed, if they are old', async () => {
    const prefix = join(folder, 'died');
    const old = new Date(Date.now() - 7_200_000);
    for (const [directory, age] of [
      [`${prefix}-1000`, old],
      [`${prefix}-2000`, new Date()],
      [`${prefix}-other-3000`, old],
    ] as const) {
      mkdirSync(directory);
      for (const name of ['part-00000', 'part-00001.tmp']) {
        writeFileSync(join(directory, name), 'ha');
        utimesSync(join(directory, name), age, age);
      }
    }
    await times(fromBatches([['a']], { interval: 5, partitions: 1 }).pipe(saveAsTextFiles(prefix)) as never);
    expect(readdirSync(`${prefix}-1000`)).toEqual(['part-00000']);
    expect(readdirSync(`${prefix}-2000`)).toEqual(['part-00000', 'part-00001.tmp']);
    expect(readdirSync(`${prefix}-other-3000`)).toEqual(['part-00000', 'part-00001.tmp']);
  });
});

/** An object store as S3 is: the parts of an upload are seen by nobody until it is completed, and stay until it is aborted. */
class ObjectStore {
  readonly objects = new Map<string, string>();
  readonly uploads = new Map<number, { readonly key: string; readonly parts: Map<number, Uint8Array> }>();
  /** Called before each part, to fail. */
  before: (key: string, part: number) => void = () => {};
  #next = 1;

  async create(key: string): Promise<number> {
    this.uploads.set(this.#next, { key, parts: new Map() });
    return this.#next++;
  }

  async uploadPart(id: number, part: number, bytes: Uint8Array): Promise<void> {
    const upload = this.uploads.get(id);
    this.before(upload?.key ?? '', part);
    upload?.parts.set(part, bytes);
  }

  async complete(id: number): Promise<void> {
    const upload = this.uploads.get(id);
    if (!upload) throw new Error('NoSuchUpload');
    this.uploads.delete(id);
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    this.objects.set(upload.key, Buffer.concat(parts).toString());
  }

  async abort(id: number): Promise<void> {
    this.uploads.delete(id);
  }
}

/** What the client of a vendor does for the sink in docs/operators/saveAsTextFiles.md. */
const sinkOf = (store: ObjectStore): FileSink => ({
  async write(name, content) {
    const upload = await store.create(name);
    try {
      let part = 1;
      for await (const bytes of content) await store.uploadPart(upload, part++, bytes);
      await store.complete(upload);
    } catch (error) {
      await store.abort(upload);
      throw error;
    }
  },
});

describe('a sink for objects', () => {
  it('gets one object for each batch and partition, in parts', async () => {
    const store = new ObjectStore();
    const parts: string[] = [];
    store.before = (key, part) => parts.push(`${key} ${part}`);
    const records = Array.from({ length: 20_000 }, (_, i) => `record ${i}`);
    const output = saveAsTextFiles<string>('bucket/words', { sink: sinkOf(store), suffix: 'txt' });
    const [time = 0] = await times(fromBatches([records], { interval: 5 }).pipe(output) as never);
    expect([...store.objects.keys()].sort()).toEqual([
      `bucket/words-${time}/part-00000.txt`,
      `bucket/words-${time}/part-00001.txt`,
    ]);
    expect(
      [...store.objects]
        .sort()
        .map(([, text]) => text)
        .join(''),
    ).toBe(`${records.join('\n')}\n`);
    expect(parts.length).toBeGreaterThan(3);
  });

  it('is asked again where it failed, has nothing half written, and replaces what a former life wrote', async () => {
    const store = new ObjectStore();
    let failures = 2;
    store.before = () => {
      if (failures-- > 0) throw new Error('503 SlowDown');
    };
    const saved: number[] = [];
    const output = saveAsTextFiles<string>('words', { sink: sinkOf(store), retry: { count: 3, delay: 1 } });
    const crash = foreachBatch<string>((_, { time }) => {
      if (saved.push(time) > 1) return;
      store.objects.set(`words-${time}/part-00000`, 'something else');
      throw new Error('crash');
    });
    const source = fromBatches([['new']], { interval: 5, partitions: 1, checkpoint: memoryCheckpoint() });
    await lastValueFrom(source.pipe(output, crash, retry(1)));
    expect([...store.objects]).toEqual([[`words-${saved[0]}/part-00000`, 'new\n']]);
    expect(store.uploads.size).toBe(0);
    store.before = () => {
      throw new Error('403');
    };
    const refused = saveAsTextFiles<string>('words', { sink: sinkOf(store) });
    const failed = lastValueFrom(fromBatches([['a']], { interval: 5 }).pipe(refused));
    await expect(failed).rejects.toThrow(StorageError);
    expect(() => saveAsTextFiles('words', { sink: {} as never })).toThrow('sink.write');
  });
});
