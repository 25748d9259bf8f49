import { EMPTY, from, Observable, type ObservableInput, of, Subject, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { eachOf, lastOfAll, lastOfEach } from '../../src/observables/lastOfEach.js';
import { StepRunner, type Steps, stepped } from '../../src/observables/steps.js';
import { watched } from '../../src/observables/watched.js';
import { virtual } from '../support/virtual.js';

/** What an Observable says, as it says it. */
function heard(said: unknown[], source: { subscribe(observer: object): { unsubscribe(): void } }) {
  return source.subscribe({
    next: (value: unknown) => said.push(value),
    error: (error: unknown) => said.push(String(error)),
    complete: () => said.push('complete'),
  });
}

describe('stepped', () => {
  it('begins a step when the one before has completed, and emits what it returns', () => {
    virtual((scheduler) => {
      const said: unknown[] = [];
      const step = (name: string) => {
        said.push(`${name} at ${scheduler.now()}`);
        return timer(10, scheduler);
      };
      const steps = stepped(function* () {
        yield step('one');
        yield EMPTY;
        yield step('two');
        return 'end';
      });
      expect(said).toEqual([]);
      heard(said, steps);
      timer(100).subscribe(() => expect(said).toEqual(['one at 0', 'two at 10', 'end', 'complete']));
    });
  });

  it('goes on with the last value of a step, or undefined where it had none', () => {
    const said: unknown[] = [];
    const steps = stepped(function* () {
      said.push(yield of(1, 2));
      said.push(yield EMPTY);
      said.push(yield from([]));
    });
    heard(said, steps);
    expect(said).toEqual([2, undefined, undefined, 'complete']);
  });

  it('has no stack frame for each step that settles at once', () => {
    let steps = 0;
    const said: unknown[] = [];
    const many = stepped(function* () {
      while (steps++ < 100_000) yield steps % 2 === 0 ? EMPTY : of(steps);
    });
    heard(said, many);
    expect([steps, said]).toEqual([100_001, ['complete']]);
  });

  it('goes on when what settles at once is done with all it does', () => {
    const said: unknown[] = [];
    const released = new Observable((subscriber) => {
      subscriber.complete();
      said.push('released');
    });
    const steps = stepped(function* () {
      yield released;
      said.push('went on');
    });
    heard(said, steps);
    expect(said).toEqual(['released', 'went on', 'complete']);
  });

  it('ends with the first error, thrown or not, and with the subscription', () => {
    const [said, open] = [[] as unknown[], new Subject<void>()];
    const then = (first: () => ObservableInput<unknown>, second: () => unknown = () => expect.unreachable()) =>
      stepped(function* () {
        yield first();
        second();
      });
    const throws = () => {
      throw 'thrown';
    };
    heard(
      said,
      then(() => throwError(() => 'failed')),
    );
    heard(said, then(throws));
    heard(
      said,
      then(() => open, throws),
    );
    heard(
      said,
      then(() => 5 as never),
    );
    const left = heard(
      said,
      then(() => open),
    );
    expect(open.observed).toBe(true);
    left.unsubscribe();
    open.complete();
    expect(said).toEqual(['failed', 'thrown', expect.stringContaining('TypeError'), 'thrown']);
    expect(open.observed).toBe(false);
  });
});

describe('StepRunner', () => {
  it('runs one work after the other, begun by what follows the one before', () => {
    const said: unknown[] = [];
    let left = 100_000;
    const work = function* (): Steps<number> {
      yield EMPTY;
      return left--;
    };
    const runner = new StepRunner<number>({
      done: () => {
        if (left > 0) next = true;
        else said.push('done');
      },
      fail: (error) => said.push(error),
    });
    let next = true;
    while (next) {
      next = false;
      runner.run(work());
    }
    expect(said).toEqual(['done']);
  });

  it('resumes nothing once it is closed, by a step itself or by what it waits for', () => {
    const never = () => expect.unreachable();
    const runner = new StepRunner({ done: never, fail: never });
    const open = new Subject<void>();
    runner.run(
      (function* () {
        runner.close();
        yield of(1);
        never();
      })(),
    );
    runner.run(
      (function* () {
        yield open;
        never();
      })(),
    );
    open.subscribe(() => runner.close());
    runner.close();
    open.complete();
    expect(open.observed).toBe(false);
  });
});

it('lastOfAll goes on with the value of a single piece of work, and with those of several', () => {
  const said: unknown[] = [];
  const one = () => lastOfAll([['a', () => of(1, 2)]]);
  heard(said, stepped(one));
  const two = () =>
    lastOfAll([
      ['a', () => of(1)],
      ['b', () => EMPTY],
    ]);
  heard(said, stepped(two));
  const none = () => lastOfAll([]);
  heard(said, stepped(none));
  expect(said).toEqual([
    new Map([['a', 2]]),
    'complete',
    new Map<string, unknown>([
      ['a', 1],
      ['b', undefined],
    ]),
    'complete',
    new Map(),
    'complete',
  ]);
});

it('eachOf begins a single piece of work at once, and waits for all of several', () => {
  const [said, open] = [[] as unknown[], new Subject<void>()];
  expect(eachOf([['a', () => EMPTY]])).toBe(EMPTY);
  const both = eachOf([
    ['a', () => EMPTY],
    ['b', () => open],
  ]);
  from(both).subscribe({ complete: () => said.push('complete') });
  expect(said).toEqual([]);
  open.complete();
  expect(said).toEqual(['complete']);
});

it('lastOfEach emits the last values when all have completed, and fails with the first that fails', () => {
  const [said, slow] = [[] as unknown[], new Subject<string>()];
  const works = [
    ['a', () => of(1, 2)],
    ['b', () => EMPTY],
    ['c', () => slow],
  ] as const;
  const values = (all: ReadonlyMap<string, unknown>) => all;
  heard(said, lastOfEach<unknown, unknown>(works, values));
  expect(said).toEqual([]);
  slow.next('last');
  slow.complete();
  heard(said, lastOfEach([], values));
  const throws = () => {
    throw 'thrown';
  };
  heard(
    said,
    lastOfEach(
      [
        ['a', throws],
        ['b', () => expect.unreachable()],
      ],
      values,
    ),
  );
  const all = new Map<string, unknown>([
    ['a', 2],
    ['b', undefined],
    ['c', 'last'],
  ]);
  expect(said).toEqual([all, 'complete', new Map(), 'complete', 'thrown']);
});

it('watched hears of an error before it goes on', () => {
  const said: unknown[] = [];
  heard(
    said,
    watched(
      () => of(1),
      () => expect.unreachable(),
    ),
  );
  heard(
    said,
    watched(
      () => throwError(() => 'failed'),
      (error) => said.push(`heard ${error}`),
    ),
  );
  expect(said).toEqual([1, 'complete', 'heard failed', 'failed']);
});
