import {
  type Batch,
  batchesFrom,
  batchesSource,
  type Checkpoint,
  countByWindow,
  DuplicateIdError,
  filterBatches,
  foreachBatch,
  fromBatches,
  IncompatibleStateError,
  MissingIdError,
  memoryCheckpoint,
  runningReduce,
  unionBatches,
  windowByCount,
} from 'dstream';
import { defer, merge, type Observable, type OperatorFunction, retry, share, tap, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

const interval = 10;
const letters = [...'abcdefghijklmnopqrst'].map((letter) => [letter]);

type Texts = Observable<Batch<string>>;

/** All records so far, in order: a state whose end shows what it began with. */
const all = (id: string) => runningReduce<string, string>((texts, text) => texts + text, { id, initial: '' });
const everySecond = filterBatches<string>((_, { time }) => time % 20 === 0);

interface Life {
  /** What the outputs wrote. */
  readonly written: readonly string[];
  readonly error: unknown;
}

/** Runs a stream from one time to another, as one life of a process. */
function life(
  checkpoint: Checkpoint,
  [begin, end]: readonly [number, number],
  build: (source: Texts, output: OperatorFunction<Batch<string>, Batch<string>>) => Observable<unknown>,
): Life {
  const written: string[] = [];
  let error: unknown;
  const scheduler = new VirtualTimeScheduler(undefined, end);
  scheduler.frame = begin;
  const output = foreachBatch<string>(([text = ''], { time }) => void written.push(`${time} ${text}`));
  const source = fromBatches(letters, { interval, scheduler, checkpoint, partitions: 1 });
  const subscription = build(source, output).subscribe({
    error: (failure) => {
      error = failure;
    },
  });
  scheduler.flush();
  subscription.unsubscribe();
  return { written, error };
}

const behind: readonly (readonly [
  name: string,
  build: (id: string) => OperatorFunction<Batch<string>, Batch<string>>,
])[] = [
  ['filterBatches', (id) => (source) => source.pipe(everySecond, all(id))],
  [
    'a window that slides',
    (id) => (source) =>
      source.pipe(
        countByWindow({ window: 40, slide: 40, id: 'count' }),
        runningReduce((sum: string, n: number) => `${sum}+${n}`, { id, initial: '' }),
      ),
  ],
  ['an operator of RxJS and share()', (id) => (source) => source.pipe(everySecond, tap(), share(), all(id))],
  ['a retry()', (id) => (source) => source.pipe(everySecond, all('inner'), retry(1), all(id))],
  [
    'an output',
    (id) => (source) =>
      source.pipe(
        everySecond,
        foreachBatch(() => {}),
        all(id),
      ),
  ],
  ['defer, which hides its source, with every batch', (id) => (source) => defer(() => source).pipe(all(id))],
];

describe.each(behind)('state behind %s', (_, build) => {
  it('is restored at whichever batch the stream is started again', () => {
    const whole = life(memoryCheckpoint(), [0, 165], (source, output) => source.pipe(build('total'), output));
    for (const at of [25, 35, 45, 55, 65, 75, 85, 95]) {
      const checkpoint = memoryCheckpoint();
      const first = life(checkpoint, [0, at], (source, output) => source.pipe(build('total'), output));
      const second = life(checkpoint, [at, 165], (source, output) => source.pipe(build('total'), output));
      expect(second.error).toBeUndefined();
      expect([...first.written, ...second.written], `restart at ${at}`).toEqual(whole.written);
    }
  });

  it('is refused under another id, before any output', () => {
    for (const at of [45, 55, 85, 95]) {
      const checkpoint = memoryCheckpoint();
      life(checkpoint, [0, at], (source, output) => source.pipe(build('total'), output));
      const { written, error } = life(checkpoint, [at, 165], (source, output) => {
        const shared = source.pipe(share());
        return merge(shared.pipe(output), shared.pipe(build('renamed'), output));
      });
      expect(error).toBeInstanceOf(IncompatibleStateError);
      expect((error as Error).message).toContain('"total"');
      expect(written, `restart at ${at}`).toEqual([]);
    }
  });
});

describe('with a checkpoint', () => {
  const twoBranches =
    (id: (n: number) => string | undefined) =>
    (source: Texts, output: OperatorFunction<Batch<string>, Batch<string>>) => {
      const shared = source.pipe(share());
      const branch = (n: number) => shared.pipe(everySecond, all(id(n) as string));
      return merge(shared.pipe(output), branch(1), branch(2));
    };

  it('a missing id is an error before any output, although its operator has had no batch', () => {
    const { written, error } = life(
      memoryCheckpoint(),
      [0, 50],
      twoBranches((n) => (n === 1 ? 'one' : undefined)),
    );
    expect(error).toBeInstanceOf(MissingIdError);
    expect(written).toEqual([]);
  });

  it('so is an id that two operators have', () => {
    const { written, error } = life(
      memoryCheckpoint(),
      [0, 50],
      twoBranches(() => 'one'),
    );
    expect(error).toBeInstanceOf(DuplicateIdError);
    expect(written).toEqual([]);
  });

  it('so is a state with other settings', () => {
    const checkpoint = memoryCheckpoint();
    const counts = (count: number) => (source: Texts, output: OperatorFunction<Batch<string>, Batch<string>>) => {
      const shared = source.pipe(share());
      return merge(shared.pipe(output), shared.pipe(everySecond, windowByCount({ count, id: 'last' })));
    };
    life(checkpoint, [0, 45], counts(2));
    const { written, error } = life(checkpoint, [45, 105], counts(3));
    expect(error).toBeInstanceOf(IncompatibleStateError);
    expect(written).toEqual([]);
  });

  it('an operator that was unsubscribed does not count', () => {
    const checkpoint = memoryCheckpoint();
    life(checkpoint, [0, 45], (source, output) => source.pipe(everySecond, all('total'), output));
    const { error } = life(checkpoint, [45, 105], (source, output) => {
      const shared = source.pipe(share());
      shared.pipe(everySecond, all('total')).subscribe().unsubscribe();
      return shared.pipe(output);
    });
    expect(error).toBeInstanceOf(IncompatibleStateError);
  });

  it('state behind a join that lacks a batch is restored', () => {
    const checkpoint = memoryCheckpoint();
    const run = (begin: number, end: number) => {
      const written: string[] = [];
      const errors: unknown[] = [];
      const scheduler = new VirtualTimeScheduler(undefined, end);
      scheduler.frame = begin;
      const source = () => batchesSource(letters, { partitions: 1 });
      const { left, right } = batchesFrom({ left: source(), right: source() }, { interval, scheduler, checkpoint });
      const subscription = left
        .pipe(
          everySecond,
          unionBatches(right.pipe(everySecond)),
          all('total'),
          foreachBatch(([text = '']) => void written.push(text)),
        )
        .subscribe({ error: (error) => errors.push(error) });
      scheduler.flush();
      subscription.unsubscribe();
      expect(errors).toEqual([]);
      return written;
    };
    expect([...run(0, 45), ...run(45, 85)]).toEqual(['bb', 'bbdd', 'bbddff', 'bbddffhh']);
  });
});

describe('a retry() before a stateful operator', () => {
  it('continues with the state of the checkpoint, and saves what comes after', () => {
    const checkpoint = memoryCheckpoint();
    let crashes = 1;
    const crash = tap(({ context }: Batch<string>) => {
      if (context.time === 30 && crashes-- > 0) throw new Error('once');
    });
    const build = (source: Texts, output: OperatorFunction<Batch<string>, Batch<string>>) =>
      source.pipe(crash, retry(1), all('total'), output);
    const first = life(checkpoint, [0, 45], build);
    const second = life(checkpoint, [45, 65], build);
    expect([first.error, second.error]).toEqual([undefined, undefined]);
    expect([...first.written, ...second.written].at(-1)).toBe('60 abcdef');
  });
});
