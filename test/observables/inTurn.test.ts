import { EMPTY, from, of, Subject, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { begun, inTurn } from '../../src/observables/inTurn.js';
import { lastOf } from '../../src/observables/lastOf.js';
import { eachOf, lastOfEach } from '../../src/observables/lastOfEach.js';
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

describe('inTurn', () => {
  it('begins a step when the one before has completed, and emits what the end emits', () => {
    virtual((scheduler) => {
      const said: unknown[] = [];
      const step = (name: string) => () => {
        said.push(`${name} at ${scheduler.now()}`);
        return timer(10, scheduler);
      };
      heard(
        said,
        inTurn([step('one'), () => EMPTY, () => of('dropped'), step('two')], () => of('end')),
      );
      timer(100).subscribe(() => expect(said).toEqual(['one at 0', 'two at 10', 'end', 'complete']));
    });
  });

  it('has no stack frame for each step that settles at once', () => {
    let steps = 0;
    const step = () => of(steps++);
    const said: unknown[] = [];
    heard(said, inTurn(Array.from({ length: 100_000 }, () => step)));
    expect([steps, said]).toEqual([100_000, ['complete']]);
  });

  it('ends with the first error, thrown or not, and with the subscription', () => {
    const [said, open] = [[] as unknown[], new Subject<void>()];
    const never = () => expect.unreachable();
    heard(said, inTurn([() => throwError(() => 'failed'), never]));
    const throws = () => {
      throw 'thrown';
    };
    heard(said, inTurn([throws, never], never));
    heard(said, inTurn([() => open, throws], never));
    const left = heard(said, inTurn([() => open, never], never));
    expect(open.observed).toBe(true);
    left.unsubscribe();
    open.complete();
    expect(said).toEqual(['failed', 'thrown', 'thrown']);
    expect(open.observed).toBe(false);
  });
});

it('lastOf goes on with what is made of the last value, or of what was said for none', () => {
  const said: unknown[] = [];
  heard(
    said,
    lastOf(of(1, 2), 0, (value) => of(value, 'more')),
  );
  heard(said, lastOf(EMPTY, 0, of));
  heard(
    said,
    lastOf(of(1), 0, () => EMPTY),
  );
  heard(
    said,
    lastOf(of(1), 0, () => {
      throw 'thrown';
    }),
  );
  heard(
    said,
    lastOf(
      throwError(() => 'failed'),
      0,
      () => expect.unreachable(),
    ),
  );
  expect(said).toEqual([2, 'more', 'complete', 0, 'complete', 'complete', 'thrown', 'failed']);
});

it('begun begins at once, and is EMPTY where no step leaves anything', () => {
  const [said, open] = [[] as unknown[], new Subject<void>()];
  expect(begun([() => EMPTY, () => EMPTY])).toBe(EMPTY);
  const rest = begun([
    () => EMPTY,
    () => open,
    () => {
      said.push('third');
      return EMPTY;
    },
  ]);
  heard(said, rest);
  expect(said).toEqual([]);
  open.complete();
  expect(said).toEqual(['third', 'complete']);
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
