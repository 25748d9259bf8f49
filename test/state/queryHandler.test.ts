import {
  foreachBatch,
  fromBatches,
  InvalidOptionError,
  type Key,
  type Pair,
  queryable,
  queryHandler,
  updateStateByKey,
} from 'dstream';
import { lastValueFrom } from 'rxjs';
import { expect, it } from 'vitest';

async function filled(pairs: readonly Pair<Key, unknown>[]) {
  const state = queryable<Key, unknown>();
  const update = ([value]: readonly unknown[]) => value;
  const stream = fromBatches([pairs], { interval: 5 }).pipe(
    updateStateByKey(update, { call: 'touched', queryable: state }),
    foreachBatch(() => {}),
  );
  await lastValueFrom(stream, { defaultValue: undefined });
  return state;
}

const ask = async (answer: (request: Request) => Response, path: string, method = 'GET') => {
  const response = answer(new Request(`http://localhost/states/${path}`, { method }));
  const text = await response.text();
  return [response.status, text === '' ? undefined : JSON.parse(text)];
};

it('answers for the states that it has, by key and page by page', async () => {
  const users = await filled([
    ['ann', 1],
    ['7', 'text'],
    [7, 'number'],
    [null, { big: 12n, map: new Map([[1, 2]]) }],
  ]);
  const answer = queryHandler({ users, empty: queryable<string, number>() }, { maxEntries: 3 });
  const { time } = users;
  expect(await ask(answer, 'users?key=ann')).toEqual([200, { time, state: 1 }]);
  expect(await ask(answer, 'users?key=7')).toEqual([200, { time, state: 'number' }]);
  expect(await ask(answer, 'users?key=%227%22')).toEqual([200, { time, state: 'text' }]);
  expect(await ask(answer, 'users?key=null')).toEqual([200, { time, state: { big: '12', map: [[1, 2]] } }]);
  expect(await ask(answer, 'users?key=eve')).toEqual([404, { time, error: 'no such key' }]);
  const first = {
    time,
    count: 4,
    entries: [
      ['ann', 1],
      ['7', 'text'],
      [7, 'number'],
    ],
    next: 3,
  };
  expect(await ask(answer, 'users?limit=1000')).toEqual([200, first]);
  expect(await ask(answer, 'users?after=1&limit=1')).toEqual([
    200,
    { time, count: 4, entries: [['7', 'text']], next: 2 },
  ]);
  const [, last] = await ask(answer, 'users?after=3');
  expect(last.next).toBeUndefined();
  expect(await ask(answer, 'users?after=9')).toEqual([200, { time, count: 4, entries: [] }]);
  expect(await ask(answer, 'empty')).toEqual([200, { count: 0, entries: [] }]);
});

it('refuses other names, methods and numbers, and names no state', async () => {
  const answer = queryHandler({ users: await filled([['ann', 1]]) });
  for (const path of ['', 'other', 'constructor', '%', 'users/']) {
    expect(await ask(answer, path)).toEqual([404, { error: 'no such state' }]);
  }
  for (const query of ['after=-1', 'after=1.5', 'after=', 'limit=0', 'limit=x']) {
    expect((await ask(answer, `users?${query}`))[0]).toBe(400);
  }
  expect((await ask(answer, 'users', 'POST'))[0]).toBe(405);
  expect(await ask(answer, 'users', 'HEAD')).toEqual([200, undefined]);
});

it('bounds the length of an answer', async () => {
  const users = await filled([
    ['a', 'x'.repeat(40)],
    ['b', 'x'.repeat(40)],
    ['c', 'x'.repeat(400)],
  ]);
  const answer = queryHandler({ users }, { maxLength: 150 });
  const [status, page] = await ask(answer, 'users');
  expect([status, page.entries.length, page.next]).toEqual([200, 2, 2]);
  expect((await ask(answer, 'users?after=2'))[0]).toBe(413);
  expect((await ask(answer, 'users?key=c'))[0]).toBe(413);
});

it('checks what it is passed', () => {
  expect(() => queryHandler({ users: {} as never })).toThrow(InvalidOptionError);
  expect(() => queryHandler({}, { maxEntries: 0 })).toThrow('queryHandler: maxEntries (0) must be a positive integer');
  expect(() => queryHandler({}, { maxLength: 1.5 })).toThrow(InvalidOptionError);
});
