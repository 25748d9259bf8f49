import {
  batchesFrom,
  foreachBatch,
  join,
  json,
  logSource,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  updateStateByKey,
} from 'dstream';
import { map, type OperatorFunction, retry, take, tap, timer, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

type Numbers = Pair<string, number>;

/** The running sum of a join of two streams of one driver, by batch time; `fail` is called at each batch of one place. */
function runningSums(place: 'left' | 'left, by a user function' | 'right' | 'behind', alsoHeard: boolean) {
  const outputs: [time: number, sum: unknown][] = [];
  const errors: unknown[] = [];
  const scheduler = new VirtualTimeScheduler(undefined, 65);
  const log = memoryLog({ topics: { left: 1, right: 1 }, scheduler });
  for (let n = 1; n <= 6; n++) {
    const append = (topic: string) => log.append(topic, [{ value: `${n}` }]);
    scheduler.schedule(() => ['left', 'right'].forEach(append), n * 10 - 5);
  }
  const source = (topic: string) => logSource(log, { topics: [topic], start: 'earliest', deserialize: json<number>() });
  const options = { interval: 10, scheduler, checkpoint: memoryCheckpoint() };
  const { left, right } = batchesFrom({ left: source('left'), right: source('right') }, options);
  let crashes = 1;
  const failAt30 = (time: number) => {
    if (time === 30 && crashes-- > 0) throw new Error('once');
  };
  const failing = <T>(here: typeof place): OperatorFunction<T, T> =>
    here === place ? tap((batch) => failAt30((batch as { context: { time: number } }).context.time)) : map((x) => x);
  // Another branch keeps the run alive when the join leaves it.
  if (alsoHeard) {
    right
      .pipe(
        foreachBatch(() => {}),
        retry(5),
      )
      .subscribe({ error: (error) => errors.push(error) });
  }
  left
    .pipe(
      failing('left'),
      mapRecords((n): Numbers => {
        if (place === 'left, by a user function' && n === 3) failAt30(30);
        return ['sum', n ?? 0];
      }),
      join(
        right.pipe(
          failing('right'),
          mapRecords((n): Numbers => ['sum', n ?? 0]),
        ),
      ),
      failing('behind'),
      updateStateByKey((values, sum: number = 0) => values.reduce((all, [n]) => all + n, sum), { id: 'sum' }),
      foreachBatch(([pair], { time }) => void outputs.push([time, pair?.[1]])),
      retry(5),
    )
    .subscribe({ error: (error) => errors.push(error) });
  scheduler.flush();
  return { outputs, errors };
}

describe('retry() behind a join of two streams of one driver', () => {
  for (const place of ['left', 'left, by a user function', 'right', 'behind'] as const) {
    for (const alsoHeard of [false, true]) {
      it(`loses no batch and no state when an operator fails: ${place}${alsoHeard ? ', one side heard elsewhere' : ''}`, () => {
        const { outputs, errors } = runningSums(place, alsoHeard);
        expect(errors).toEqual([]);
        expect(new Map(outputs)).toEqual(
          new Map([10, 20, 30, 40, 50, 60].map((time, i) => [time, [1, 3, 6, 10, 15, 21][i]])),
        );
      });
    }
  }
});

describe('retry() with a delay, in one of two branches of a stream', () => {
  it.each([0, 25])('loses no batch when an operator of RxJS fails: a delay of %d ms', (delay) => {
    const seen: string[] = [];
    const other: string[] = [];
    const errors: unknown[] = [];
    const scheduler = new VirtualTimeScheduler(undefined, 150);
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    for (let n = 1; n <= 6; n++) scheduler.schedule(() => void log.append('t', [{ value: `${n}` }]), n * 10 - 5);
    const source = logSource(log, { topics: ['t'], start: 'earliest', deserialize: json<number>() });
    const { t } = batchesFrom({ t: source }, { interval: 10, scheduler, checkpoint: memoryCheckpoint() });
    const again = () => retry<unknown>({ count: 5, delay: () => timer(delay, scheduler) });
    t.pipe(
      foreachBatch((records) => void other.push(records.join())),
      again(),
    ).subscribe({ error: (error) => errors.push(error) });
    let crashes = 1;
    t.pipe(
      tap(({ context }) => {
        if (context.time === 30 && crashes-- > 0) throw new Error('once');
      }),
      foreachBatch((records) => void seen.push(records.join())),
      again(),
    ).subscribe({ error: (error) => errors.push(error) });
    scheduler.flush();
    expect(errors).toEqual([]);
    expect(
      seen
        .filter((records) => records !== '')
        .sort()
        .join(),
    ).toBe('1,2,3,4,5,6');
    // The batch that one branch failed at is replayed for all.
    expect(new Set(other.join().split(',').filter(Boolean))).toEqual(new Set(['1', '2', '3', '4', '5', '6']));
  });

  it('lets a branch end that has claimed its batch', () => {
    const seen: number[] = [];
    let first = 0;
    const errors: unknown[] = [];
    const scheduler = new VirtualTimeScheduler(undefined, 65);
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    const source = logSource(log, { topics: ['t'], start: 'earliest', deserialize: json<number>() });
    const { t } = batchesFrom({ t: source }, { interval: 10, scheduler, checkpoint: memoryCheckpoint() });
    const fail = { error: (error: unknown) => errors.push(error) };
    t.pipe(foreachBatch((_, { time }) => void seen.push(time))).subscribe(fail);
    t.pipe(
      foreachBatch(() => void first++),
      take(1),
    ).subscribe(fail);
    scheduler.flush();
    expect(errors).toEqual([]);
    expect(first).toBe(1);
    expect(seen).toEqual([10, 20, 30, 40, 50, 60]);
  });
});
