import { DStreamError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import type { CheckpointSession, PlannedBatch } from '../../state/checkpoint.js';
import {
  after,
  type CheckpointTrial,
  changeOf,
  interval,
  plannedBatch,
  positionsAfter,
  save,
  seenIn,
  stateOf,
  workOff,
} from './checkpointTrial.js';
import { errorOf, expectSame, settle } from './expectations.js';
import { numbersFrom } from './numbersFrom.js';

type Case = (trial: CheckpointTrial) => Promise<void>;

/** What every checkpoint does, by what it is called. */
export const checkpointCases: Readonly<Record<string, Case>> = {
  async 'restores nothing from an empty store, nor from one in which nothing was planned'(trial) {
    expectSame('an empty store', await trial.look(), undefined);
    expectSame('a store that was opened and closed', await trial.look(), undefined);
  },

  async 'restores time, positions and state of the last saved batch'(trial) {
    await trial.life((session) => workOff(session, 1, [changeOf([['a', 1]])]));
    await trial.expect('batch 1', after(1, { counts: stateOf([['a', 1]]) }));
    await trial.life((session) => workOff(session, 2, [changeOf([['a', 2]])]));
    await trial.expect('batch 2', after(2, { counts: stateOf([['a', 2]]) }));
  },

  async 'saves a batch that changed no state, and one that was not planned'(trial) {
    await trial.life(async (session) => {
      await workOff(session, 1, [changeOf([['a', 1]])]);
      await workOff(session, 2, []);
      await save(session, 3, []);
    });
    await trial.expect('batch 3', after(3, { counts: stateOf([['a', 1]]) }));
  },

  async 'keeps a state that has become empty, and one that was empty from the start'(trial) {
    await trial.life(async (session) => {
      await workOff(session, 1, [changeOf([['a', 1]]), changeOf([], [], { id: 'empty' })]);
      await workOff(session, 2, [changeOf([], ['a', 'was never there'])]);
    });
    await trial.expect('batch 2', after(2, { counts: stateOf([]), empty: stateOf([]) }));
  },

  async 'restores what was planned and not saved, in order'(trial) {
    await trial.life((session) => settle(session.plan(plannedBatch(1))));
    await trial.expect('before the first batch was saved', after(0, {}, [1]));
    await trial.life(async (session) => {
      await settle(session.plan(plannedBatch(2)));
      await save(session, 1, []);
      await settle(session.plan(plannedBatch(3)));
    });
    await trial.expect('after batch 1', after(1, {}, [2, 3]));
    await trial.life(async (session) => {
      await save(session, 2, []);
      await save(session, 3, []);
    });
    await trial.expect('after batch 3', after(3, {}));
  },

  async 'restores a batch that was planned again as it was planned last, in its place'(trial) {
    await trial.life(async (session) => {
      for (const n of [1, 2, 3]) await settle(session.plan(plannedBatch(n)));
      await settle(session.plan({ ...plannedBatch(2), ranges: { none: [] }, attempts: 3 }));
    });
    const planned = (await trial.look())?.planned.map(({ time, ranges, attempts }) => [time, ranges, attempts ?? 0]);
    const expected = [1, 2, 3].map((n) => [
      n * interval,
      n === 2 ? { none: [] } : plannedBatch(n).ranges,
      n === 2 ? 3 : 0,
    ]);
    expectSame('batch 2 planned again', planned, expected);
  },

  async 'keeps the selection of a planned batch, as it was planned last'(trial) {
    const named = (n: number, selection: string) => ({ ...plannedBatch(n), selection });
    const planned = [named(1, 'orders-0'), named(2, 'a%2Fb-0_7f2c01d4+orders-1'), plannedBatch(3)];
    await trial.life(async (session) => {
      for (const batch of [plannedBatch(1), named(2, 'b-1'), named(3, 'c-2'), ...planned])
        await settle(session.plan(batch));
    });
    await trial.life(() => {});
    await trial.expect('selections', { ...after(0, {}), planned });
  },

  async 'plans a batch while another is being saved'(trial) {
    await trial.life(async (session) => {
      await settle(session.plan(plannedBatch(1)));
      for (let n = 1; n <= 10; n++) {
        const saving = save(session, n, [changeOf([['a', n]])]);
        await Promise.all([saving, settle(session.plan(plannedBatch(n + 1)))]);
      }
    });
    await trial.expect('batch 10', after(10, { counts: stateOf([['a', 10]]) }, [11]));
  },

  async 'encodes a change at once, whatever becomes of its objects'(trial) {
    const counts = { n: 1, seen: [1] };
    await trial.life(async (session) => {
      const encoded = session.encode(changeOf([['a', counts]]));
      counts.n = 2;
      counts.seen.push(2);
      const batch = { time: interval, zeroTime: 0, interval, positions: positionsAfter(1), changes: [encoded] };
      await settle(session.save(batch));
      counts.n = 3;
    });
    await trial.expect('batch 1', after(1, { counts: stateOf([['a', { n: 1, seen: [1] }]]) }));
  },

  async 'applies the changes of a batch in their order'(trial) {
    await trial.life(async (session) => {
      const changes = [changeOf([['a', 1]]), changeOf([['b', 2]], ['a']), changeOf([['a', 3]])];
      await workOff(session, 1, changes);
    });
    await trial.expect(
      'batch 1',
      after(1, {
        counts: stateOf([
          ['b', 2],
          ['a', 3],
        ]),
      }),
    );
  },

  async 'returns keys oldest first: one that changes keeps its place, one that comes back is new'(trial) {
    const keys = ['m', 'z', 'a', 'k'];
    await trial.life((session) => workOff(session, 1, [changeOf(keys.map((key) => [key, 1]))]));
    await trial.life(async (session) => {
      await workOff(session, 2, [changeOf([['m', 2]], ['z'])]);
      await workOff(session, 3, [
        changeOf([
          ['b', 3],
          ['z', 3],
        ]),
      ]);
    });
    const entries: [Key, number][] = [
      ['m', 2],
      ['a', 1],
      ['k', 1],
      ['b', 3],
      ['z', 3],
    ];
    await trial.expect('batch 3', after(3, { counts: stateOf(entries) }));
  },

  async 'tells keys of every kind apart'(trial) {
    const entries = keys.map((key, i): [Key, number] => [key, i]);
    await trial.life((session) => workOff(session, 1, [changeOf(entries)]));
    await trial.expect('every key', after(1, { counts: stateOf(entries) }));
    const [kept, deleted] = [entries.filter((_, i) => i % 2 === 0), entries.filter((_, i) => i % 2 === 1)];
    await trial.life((session) => {
      const set = kept.map(([key, i]): [Key, number] => [key, -i - 1]);
      const change = changeOf(
        set,
        deleted.map(([key]) => key),
      );
      return workOff(session, 2, [change]);
    });
    await trial.expect('every other key', after(2, { counts: stateOf(kept.map(([key, i]) => [key, -i - 1])) }));
  },

  async 'carries whatever the structured clone algorithm carries'(trial) {
    const entries = values.map((value, i): [Key, unknown] => [i, value]);
    await trial.life((session) => workOff(session, 1, [changeOf(entries)]));
    await trial.expect('every value', after(1, { counts: stateOf(entries) }));
  },

  async 'keeps the states of several operators apart, each with what it was saved as'(trial) {
    const window = { id: 'window', operator: 'reduceByWindow', signature: 'window=20 slide=10', version: 3 };
    await trial.life(async (session) => {
      await workOff(session, 1, [changeOf([['a', 1]]), changeOf([['a', 'pane']], [], window)]);
      await workOff(session, 2, [changeOf([['b', 2]], ['a'])]);
      await workOff(session, 3, [changeOf([['a', 'new']], [], { ...window, version: 4 })]);
    });
    const { id, ...description } = window;
    await trial.expect(
      'batch 3',
      after(3, {
        counts: stateOf([['b', 2]]),
        [id]: stateOf([['a', 'new']], { ...description, version: 4 }),
      }),
    );
  },

  async 'removes states with all their keys, and takes the same id again'(trial) {
    const both = [changeOf([['a', 1]]), changeOf([['b', 2]], [], { id: 'other' })];
    await trial.life(async (session) => {
      await workOff(session, 1, both);
      await save(session, 2, [changeOf([['c', 3]], [], { id: 'third' })], ['counts', 'was never there']);
    });
    const third = stateOf([['c', 3]]);
    await trial.expect('one was removed', after(2, { other: stateOf([['b', 2]]), third }));
    await trial.life(async (session) => {
      await save(session, 3, [changeOf([['d', 4]], [], { id: 'other', operator: 'runningReduce' })], ['other']);
      await save(session, 4, [changeOf([['e', 5]], [], { id: 'fourth' }), changeOf([['f', 6]])]);
    });
    const states = {
      counts: stateOf([['f', 6]]),
      fourth: stateOf([['e', 5]]),
      other: stateOf([['d', 4]], { operator: 'runningReduce' }),
      third,
    };
    await trial.expect('one was replaced, and one made again', after(4, states));
  },

  async 'says nothing of a state that it does not have'(trial) {
    await trial.life((session) => workOff(session, 1, [changeOf([['a', 1]])]));
    await trial.life(({ restored }) => expectSame('an unknown id', restored?.state('unknown'), undefined));
  },

  async 'keeps positions of several sources, up to the largest offset'(trial) {
    const positions = {
      clicks: [
        { topic: 'a', partition: 0, offset: Number.MAX_SAFE_INTEGER },
        { topic: 'a', partition: 1, offset: 0 },
        { topic: 'ü "x"', partition: 12, offset: 7 },
      ],
      users: [],
    };
    await trial.life((session) =>
      settle(session.save({ time: 30, zeroTime: -20, interval: 50, positions, changes: [] })),
    );
    await trial.expect('positions', { time: 30, zeroTime: -20, interval: 50, positions, planned: [], states: {} });
  },

  async 'keeps what identifies the logs of ranges and positions, and how ranges ended'(trial) {
    const planned: PlannedBatch = {
      ...plannedBatch(2),
      ranges: {
        source: [
          {
            topic: 't',
            partition: 0,
            from: 1,
            until: 2,
            end: 'caughtUp',
            topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
            leaderEpoch: 7,
          },
          { topic: 't', partition: 1, from: 0, until: 0, end: 'open', leaderEpoch: 0 },
          { topic: 'u', partition: 0, from: 5, until: 9, end: 'ended' },
          { topic: 'u', partition: 1, from: 5, until: 9 },
        ],
      },
    };
    const positions = {
      source: [
        { topic: 't', partition: 0, offset: 1, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', leaderEpoch: 6 },
        { topic: 't', partition: 1, offset: 0, leaderEpoch: 0 },
        { topic: 'u', partition: 0, offset: 5, receiverPositions: ['', 'an id: ü'] },
      ],
    };
    await trial.life(async (session) => {
      await settle(session.plan(plannedBatch(1)));
      await settle(session.plan(planned));
      await settle(session.save({ time: interval, zeroTime: 0, interval, positions, changes: [] }));
    });
    const expected = { time: interval, zeroTime: 0, interval, positions, planned: [planned], states: {} };
    await trial.expect('identities', expected);
    await trial.life(() => {});
    await trial.expect('identities after another life', expected);
  },

  async 'saves twenty thousand keys in one batch, and then a few of them'(trial) {
    const count = 20_000;
    const text = 'a state of a hundred bytes or so '.repeat(3);
    const entries = Array.from({ length: count }, (_, i): [Key, unknown] => [`key-${i}`, { n: i, text }]);
    await trial.life((session) => workOff(session, 1, [changeOf(entries)]));
    const few = Array.from({ length: 10 }, (_, i): [Key, unknown] => [`key-${i * 1_999}`, 'changed']);
    await trial.life((session) => workOff(session, 2, [changeOf(few)]));
    const expected = [...new Map([...entries, ...few])];
    await trial.expect('batch 2', after(2, { counts: stateOf(expected) }));
  },

  async 'refuses a second process, or fences the first'(trial) {
    const first = await trial.open();
    await workOff(first, 1, [changeOf([['a', 1]])]);
    let second: Awaited<ReturnType<CheckpointTrial['open']>>;
    try {
      second = await trial.open({ takeover: 'force' });
    } catch (error) {
      expectSame('the error of the second is of this library', error instanceof DStreamError, true);
      await workOff(first, 2, [changeOf([['a', 2]])]);
      await settle(first.close());
      await trial.expect('what the first has saved', after(2, { counts: stateOf([['a', 2]]) }));
      return;
    }
    expectSame('what the second finds', seenIn(second), after(1, { counts: stateOf([['a', 1]]) }));
    const planning = await errorOf('planning by the first', () => settle(first.plan(plannedBatch(2))));
    expectSame('the code of planning by the first', (planning as DStreamError).code, 'FENCED');
    await workOff(second, 2, [changeOf([['a', 'second']])]);
    const saving = await errorOf('saving by the first', () => save(first, 2, [changeOf([['a', 'first']])]));
    expectSame('the code of saving by the first', (saving as DStreamError).code, 'FENCED');
    await settle(first.close());
    await workOff(second, 3, []);
    await settle(second.close());
    await trial.expect('what the second has saved', after(3, { counts: stateOf([['a', 'second']]) }));
  },

  async 'loses nothing between two processes that take it from each other in turn, and give it back'(trial) {
    const open = async (former: CheckpointSession | undefined) => {
      try {
        return await trial.open({ takeover: 'force' });
      } catch (error) {
        if (!former || !(error instanceof DStreamError)) throw error;
        // It waits for the former owner to end.
        await settle(former.close());
        return trial.open();
      }
    };
    const total = 6;
    const sessions: CheckpointSession[] = [];
    for (let n = 1; n <= total; n++) {
      const session = await open(sessions.at(-1));
      const states = n === 1 ? undefined : { counts: stateOf(keysBefore(n)) };
      expectSame(`what owner ${n} finds`, seenIn(session), states && after(n - 1, states, n === 2 ? [] : [n]));
      await workOff(session, n, [changeOf([[`key-${n}`, n]])]);
      // It is lost before it has done what it has planned next.
      if (n > 1 && n < total) await settle(session.plan(plannedBatch(n + 1)));
      sessions.push(session);
    }
    for (const session of sessions) await settle(session.close());
    await trial.expect('all that was saved', after(total, { counts: stateOf(keysBefore(total + 1)) }));
  },

  async 'ends up as a map does, whatever is set, deleted and restarted'(trial) {
    const random = numbersFrom(20_260_101);
    const models = new Map<string, Map<Key, unknown>>();
    let n = 0;
    for (let life = 0; life < 12; life++) {
      await trial.life(async (session) => {
        for (let i = random(8); i >= 0; i--) {
          const changes = [...Array(random(3)).keys()].map(() => randomChange(random, models));
          await workOff(session, ++n, changes);
        }
      });
      const states = [...models].map(([id, model]) => [id, stateOf([...model])] as const);
      await trial.expect(`batch ${n}`, after(n, Object.fromEntries(states.sort(([a], [b]) => (a < b ? -1 : 1)))));
    }
  },
};

/** A key for each batch before this one. */
const keysBefore = (n: number) => Array.from({ length: n - 1 }, (_, i): [Key, unknown] => [`key-${i + 1}`, i + 1]);

/** A few keys set and a few deleted, in the model too. */
function randomChange(random: (below: number) => number, models: Map<string, Map<Key, unknown>>) {
  const id = `state-${random(3)}`;
  const model = models.get(id) ?? new Map<Key, unknown>();
  models.set(id, model);
  const set = new Map([...Array(random(5)).keys()].map((): [Key, unknown] => [random(12), { value: random(1_000) }]));
  const deleted = [...Array(random(4)).keys()].map(() => random(12)).filter((key) => !set.has(key));
  for (const [key, value] of set) model.set(key, value);
  for (const key of deleted) model.delete(key);
  return changeOf([...set], deleted, { id });
}

const keys: readonly Key[] = [
  ...[
    '',
    '1',
    'true',
    'null',
    '\0',
    'a\0b',
    'é',
    'e\u0301',
    '\ud800',
    '\u{1f600}',
    'x'.repeat(5_000),
    'x'.repeat(5_001),
  ],
  ...[1, 0, -1, 1.5, 2 ** 53, -(2 ** 40), 1e300, 5e-324, Infinity, -Infinity, Number.NaN],
  ...[1n, 0n, -1n, 2n ** 64n, -(2n ** 64n), 255n, 256n, true, false, null],
];

const values: readonly unknown[] = [
  ...[0, -0, 1.5, Number.NaN, -Infinity, 2n ** 70n, -1n, '', 'a\0b', '\ud800', true, null],
  { a: undefined, nested: { list: [1, [2, [3]]], 'name with "quotes"': '\u{1f600}' } },
  new Map<unknown, unknown>([
    [1, new Set(['a', 2])],
    ['b', new Map()],
  ]),
  // biome-ignore lint/style/noRestrictedGlobals: a value, not the time
  new Date(5),
  new Uint8Array([0, 255]),
  new Float64Array([Number.NaN, Infinity, -0, 1.5]),
  [],
  {},
];
