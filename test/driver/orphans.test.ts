import {
  type Batch,
  type Checkpoint,
  countByWindow,
  deduplicate,
  foreachBatch,
  fromBatches,
  IncompatibleStateError,
  mapRecords,
  memoryCheckpoint,
  reduceByKeyAndWindow,
  runningReduce,
  window,
  windowByCount,
} from 'dstream';
import { type Observable, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

const interval = 10;
const letters = [...'abcdefghijklmnopqrst'].map((letter) => [letter]);

type Texts = Observable<Batch<string>>;
type Orphans = 'refuse' | 'drop' | 'keep';

/** Runs a stream from one time to another, as one life of a process; returns what its output wrote, by time. */
function life(
  checkpoint: Checkpoint,
  [begin, end]: readonly [number, number],
  build: (source: Texts) => Observable<Batch<unknown>>,
  orphans?: Orphans,
): { readonly written: readonly string[]; readonly error: unknown } {
  const written: string[] = [];
  let error: unknown;
  const scheduler = new VirtualTimeScheduler(undefined, end);
  scheduler.frame = begin;
  const source = fromBatches(letters, {
    interval,
    scheduler,
    checkpoint,
    partitions: 1,
    ...(orphans && { orphans }),
  });
  const subscription = build(source)
    .pipe(foreachBatch((records, { time }) => void written.push(`${time} ${records.join(' ')}`)))
    .subscribe({
      error: (failure) => {
        error = failure;
      },
    });
  scheduler.flush();
  subscription.unsubscribe();
  return { written, error };
}

const all = (id: string) => runningReduce<string, string>((texts, text) => texts + text, { id, initial: '' });
const both = (source: Texts) => source.pipe(all('first'), all('second'));
const onlySecond = (source: Texts) => source.pipe(all('second'));

describe('a state whose operator the program has no longer', () => {
  it('is refused by default, before any output, with what helps', () => {
    const checkpoint = memoryCheckpoint();
    life(checkpoint, [0, 20], both);
    const { written, error } = life(checkpoint, [20, 40], (source) => source.pipe(all('third')));
    expect(written).toEqual([]);
    expect(error).toBeInstanceOf(IncompatibleStateError);
    expect(String(error)).toContain('"first"');
    expect(String(error)).toContain('nor "second"');
    expect(String(error)).toContain("or set orphans to 'drop' or 'keep'");
  });

  it('is kept, and goes on when its operator is back', () => {
    const checkpoint = memoryCheckpoint();
    life(checkpoint, [0, 20], both);
    expect(life(checkpoint, [20, 40], onlySecond, 'keep').error).toBeUndefined();
    const { written } = life(checkpoint, [40, 50], (source) => source.pipe(all('first')), 'keep');
    expect(written).toEqual(['50 abe']);
  });

  it('is dropped, while the others go on', () => {
    const checkpoint = memoryCheckpoint();
    life(checkpoint, [0, 20], both);
    // "second" saw a and ab before.
    expect(life(checkpoint, [20, 40], onlySecond, 'drop').written).toEqual(['30 aabc', '40 aabcd']);
    const { written, error } = life(checkpoint, [40, 50], (source) => source.pipe(all('first'), all('second')));
    expect(error).toBeUndefined();
    expect(written).toEqual(['50 aabcde']);
  });
});

describe('a window with other lengths than in the checkpoint', () => {
  const joined = (length: number, slide?: number) => (source: Texts) =>
    source.pipe(window({ window: length, id: 'window', ...(slide !== undefined && { slide }) }));

  it('keeps the batches that still count when it grows', () => {
    const checkpoint = memoryCheckpoint();
    expect(life(checkpoint, [0, 40], joined(20)).written.at(-1)).toBe('40 c d');
    expect(life(checkpoint, [40, 80], joined(40)).written).toEqual([
      '50 c d e',
      '60 c d e f',
      '70 d e f g',
      '80 e f g h',
    ]);
  });

  it('keeps the batches that still count when it shrinks', () => {
    const checkpoint = memoryCheckpoint();
    expect(life(checkpoint, [0, 40], joined(40)).written.at(-1)).toBe('40 a b c d');
    expect(life(checkpoint, [40, 60], joined(20)).written).toEqual(['50 d e', '60 e f']);
    // What had left was removed from the checkpoint too.
    expect(life(checkpoint, [60, 80], joined(80)).written).toEqual(['70 e f g', '80 e f g h']);
  });

  it('keeps them with another slide, in the middle of one', () => {
    const checkpoint = memoryCheckpoint();
    expect(life(checkpoint, [0, 50], joined(40, 40)).written).toEqual(['40 a b c d']);
    expect(life(checkpoint, [50, 80], joined(40, 20)).written).toEqual(['60 c d e f', '80 e f g h']);
  });

  it('keeps results by key right, with an inverse and without', () => {
    const add = (a: number, b: number) => a + b;
    const sums = (length: number, inverse: boolean) => (source: Texts) =>
      source.pipe(
        mapRecords(() => ['n', 1]),
        inverse
          ? reduceByKeyAndWindow(add, { window: length, id: 'sums', inverse: (a: number, b: number) => a - b })
          : reduceByKeyAndWindow(add, { window: length, id: 'sums' }),
      );
    for (const inverse of [true, false]) {
      const checkpoint = memoryCheckpoint();
      expect(life(checkpoint, [0, 40], sums(20, inverse)).written.at(-1)).toBe('40 n,2');
      expect(life(checkpoint, [40, 70], sums(40, inverse)).written).toEqual(['50 n,3', '60 n,4', '70 n,4']);
      expect(life(checkpoint, [70, 90], sums(20, inverse)).written).toEqual(['80 n,2', '90 n,2']);
    }
  });

  it('still refuses another operator or aggregator under the id', () => {
    const checkpoint = memoryCheckpoint();
    life(checkpoint, [0, 40], joined(20));
    const { error } = life(checkpoint, [40, 50], (source) => source.pipe(countByWindow({ window: 20, id: 'window' })));
    expect(error).toBeInstanceOf(IncompatibleStateError);
  });

  it('of other kinds are refused before any output, and kept', () => {
    const checkpoint = memoryCheckpoint();
    const last = (count: number) => (source: Texts) => source.pipe(windowByCount({ count, id: 'last' }));
    expect(life(checkpoint, [0, 40], last(3)).written.at(-1)).toBe('40 b c d');
    const { written, error } = life(checkpoint, [40, 60], last(2));
    expect(written).toEqual([]);
    expect(error).toBeInstanceOf(IncompatibleStateError);
    expect(String(error)).toContain('"last"');
    // The batches that it had planned.
    expect(life(checkpoint, [40, 50], last(3)).written).toEqual(['50 c d e', '60 d e f']);
  });

  it('is taken over by deduplicate too', () => {
    const checkpoint = memoryCheckpoint();
    const parity = (length: number) => (source: Texts) =>
      source.pipe(deduplicate((letter: string) => letter.charCodeAt(0) % 3, { window: length, id: 'ids' }));
    expect(life(checkpoint, [0, 30], parity(100)).written).toEqual(['10 a', '20 b', '30 c']);
    // Within 100 ms all would be duplicates.
    expect(life(checkpoint, [30, 60], parity(30)).written).toEqual(['40 d', '50 e', '60 f']);
  });
});
