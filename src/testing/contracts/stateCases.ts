import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import type { CheckpointSession } from '../../state/checkpoint.js';
import { StateRegistry } from '../../state/stateRegistry.js';
import { type CheckpointTrial, interval, plannedBatch, positionsAfter } from './checkpointTrial.js';
import { expectSame, settle } from './expectations.js';
import { numbersFrom } from './numbersFrom.js';

// How the state of an operator behaves over a checkpoint: as a `Map`, whatever is kept where.

type Case = (trial: CheckpointTrial) => Promise<void>;
type Counts = KeyedState<Key, { readonly n: number }>;

interface Life {
  readonly registry: StateRegistry;
  readonly state: Counts;
  /** Saves batch n. */
  save(n: number): Promise<unknown>;
}

const description = { operator: 'updateStateByKey', id: 'counts' };

function begin(session: CheckpointSession, more: { readonly version?: number; readonly migrate?: Migrate } = {}): Life {
  const registry = new StateRegistry(session);
  const state = registry.keyed<Key, { readonly n: number }>({ ...description, ...more });
  const save = (n: number) => {
    const batch = { time: n * interval, zeroTime: 0, interval, positions: positionsAfter(n) };
    return settle(session.save({ ...batch, changes: registry.takeChanges(batch.time) }));
  };
  return { registry, state, save };
}

type Migrate = (state: unknown, fromVersion: number, key: Key) => { readonly n: number };

export const stateCases: Readonly<Record<string, Case>> = {
  async 'offers operators a state that behaves as a map, saved some batches later'(trial) {
    const random = numbersFrom(20_260_202);
    let model = new Map<Key, { n: number }>();
    let n = 0;
    for (let life = 0; life < 6; life++) {
      await trial.life(async (session) => {
        const { state, save } = begin(session);
        const compare = (what: string) => {
          expectSame(`${what}: all keys`, [...state.entries()], [...model]);
          expectSame(`${what}: how many`, state.size, model.size);
        };
        expectSame('restored', state.restored, life > 0);
        // A store that writes snapshots of a state that goes on changing may mix the order of keys that came lately.
        const found = new Map(state.entries());
        expectSame(`at the start of life ${life}`, sorted(found), sorted(model));
        model = found as typeof model;
        const waiting: number[] = [];
        for (let batch = 0; batch < 25; batch++) {
          n++;
          const deleted = new Set<Key>();
          for (let i = random(30); i > 0; i--) change(random, state, model, deleted);
          if (random(3) === 0) compare(`in batch ${n}`);
          state.snapshot(n * interval);
          waiting.push(n);
          // Up to two complete batches wait to be saved.
          while (waiting.length > random(3)) await save(waiting.shift() ?? 0);
          if (random(4) === 0) compare(`after batch ${n}`);
        }
        for (const left of waiting) await save(left);
        compare(`at the end of life ${life}`);
      });
    }
  },

  async 'forgets what a batch changed that was not saved'(trial) {
    await trial.life(async (session) => {
      const { state, save } = begin(session);
      for (const key of ['a', 'b', 'c']) state.set(key, { n: 1 });
      state.snapshot(interval);
      await save(1);
      state.set('a', { n: 2 });
      state.delete('b');
      state.set('d', { n: 2 });
      state.snapshot(2 * interval);
      state.delete('c');
      expectSame(
        'while it runs',
        [...state.entries()],
        [
          ['a', { n: 2 }],
          ['d', { n: 2 }],
        ],
      );
    });
    await trial.life(async (session) => {
      const { state } = begin(session);
      expectSame(
        'after a restart',
        [...state.entries()],
        ['a', 'b', 'c'].map((key) => [key, { n: 1 }]),
      );
      expectSame('how many', state.size, 3);
      expectSame('a key that was added', [state.get('d'), state.has('d')], [undefined, false]);
    });
  },

  async 'lets a state be changed and deleted while it is gone through'(trial) {
    await trial.life(async (session) => {
      const { state, save } = begin(session);
      for (let key = 0; key < 20; key++) state.set(key, { n: key });
      state.snapshot(interval);
      await save(1);
    });
    await trial.life(async (session) => {
      const { state, save } = begin(session);
      for (const [key, { n }] of state.entries()) {
        if (n % 3 === 0) state.delete(key);
        else state.set(key, { n: -n });
        if (n % 3 === 1) state.delete(n + 1);
      }
      state.snapshot(2 * interval);
      await save(2);
      expectSame(
        'at once',
        [...state.entries()].map(([key]) => key),
        [1, 4, 7, 10, 13, 16, 19],
      );
    });
    await trial.life((session) => {
      const { state } = begin(session);
      const expected = [1, 4, 7, 10, 13, 16, 19].map((n) => [n, { n: -n }]);
      expectSame('after a restart', [...state.entries()], expected);
    });
  },

  async 'carries states of an older version over, all of them, once'(trial) {
    const keys = ['a', 'b', 'c'];
    await trial.life(async (session) => {
      const { state, save } = begin(session);
      for (const key of keys) state.set(key, { n: 1 });
      state.snapshot(interval);
      await save(1);
    });
    const migrate: Migrate = (state) => ({ n: (state as { n: number }).n + 10 });
    for (const [life, touched] of keys.entries()) {
      await trial.life(async (session) => {
        const { state, save } = begin(session, { version: 1, migrate });
        const seen = keys.map((key, i) => [key, { n: i < life ? 100 : 11 }]);
        expectSame(`in life ${life}`, [...state.entries()], seen);
        state.set(touched, { n: 100 });
        state.snapshot((life + 2) * interval);
        await save(life + 2);
      });
    }
  },

  async 'keeps the state of an operator whose batches are planned and saved in turn'(trial) {
    for (let n = 1; n <= 5; n++) {
      await trial.life(async (session) => {
        await settle(session.plan(plannedBatch(n)));
        const { state, save } = begin(session);
        state.set('sum', { n: (state.get('sum')?.n ?? 0) + n });
        state.snapshot(n * interval);
        await save(n);
      });
    }
    await trial.life((session) => expectSame('the sum', begin(session).state.get('sum'), { n: 15 }));
  },
};

function sorted(entries: Iterable<readonly [Key, unknown]>): readonly (readonly [Key, unknown])[] {
  return [...entries].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

/** A key that was deleted does not come back in the same batch: its place among the others may then be the old or a new one. */
function change(
  random: (below: number) => number,
  state: Counts,
  model: Map<Key, { n: number }>,
  deleted: Set<Key>,
): void {
  const number = random(25);
  const key = number % 5 === 0 ? `long ${'x'.repeat(1_200)} ${number}` : number;
  const what = random(5);
  if (what === 0) {
    expectSame('whether a key was deleted', state.delete(key), model.delete(key));
    deleted.add(key);
  } else if (what < 4 && !deleted.has(key)) {
    const value = { n: random(1_000) };
    state.set(key, value);
    model.set(key, value);
  }
  expectSame('a state', state.get(key), model.get(key));
  expectSame('whether it is there', state.has(key), model.has(key));
}
