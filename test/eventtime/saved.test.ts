import { serialize } from 'node:v8';
import {
  aggregateByKeyAndEventWindow,
  type Batch,
  type CheckpointSession,
  eventTime,
  IncompatibleStateError,
  type Key,
  type LateRecord,
  mapRecords,
  memoryCheckpoint,
  type Pair,
  type SideOutput,
  type StateChange,
  sideOutput,
  updateStateByKey,
  type WindowResult,
} from 'dstream';
import { sum } from 'dstream/aggregators';
import { firstValueFrom, from, lastValueFrom, type Observable, type OperatorFunction } from 'rxjs';
import { expect, it } from 'vitest';
import { encodeChange } from '../../src/storage/keyedChange.js';
import { stateToBytes } from '../../src/storage/stateBytes.js';
import { runPlan } from './runPlan.js';

// A batch saves what it has touched: not the panes that it has added to, nor the keys that are open.

type Event<K> = readonly [at: number, key: K];
type Output<K> = Batch<Pair<K, WindowResult<number>>>;
type Plan = Parameters<typeof runPlan>[1];

/** Batches of one partition, each saved before the stream starts again from its checkpoint. */
function run<K extends Key, R>(
  batches: readonly (readonly Event<K>[])[],
  id: string,
  operator: (late: SideOutput<LateRecord<Pair<K, number>>>) => OperatorFunction<Batch<Pair<K, number>>, Batch<R>>,
  checkpoint = memoryCheckpoint(),
) {
  const untils = batches.map((_, i) => batches.slice(0, i + 1).flat().length);
  const plan: Plan = untils.map((until) => [{ until, end: 'open' }]);
  const crashes = batches.map(() => 'after' as const);
  const made = () => {
    const late = sideOutput<LateRecord<Pair<K, number>>>();
    const timed: OperatorFunction<Batch<Event<K>>, Batch<R>> = (source) =>
      source.pipe(
        eventTime({ timestamp: ([at]) => at, outOfOrderness: 100, idleAfter: Infinity, future: Infinity, id: 'time' }),
        mapRecords(([, key]) => [key, 1] as const),
        operator(late),
      );
    return { operator: timed, late };
  };
  const { saved, results, entries } = runPlan([batches.flat()], plan, crashes, made, checkpoint);
  return { results, entries, saved: saved.map((each) => each.find((change) => change.id === id)) };
}

const windows =
  <K extends Key>(options: { readonly window: number; readonly slide: number }) =>
  (late: SideOutput<LateRecord<Pair<K, number>>>): OperatorFunction<Batch<Pair<K, number>>, Output<K>> =>
    aggregateByKeyAndEventWindow(sum(), { ...options, late, id: 'windows' });

it('a batch saves the keys that it has touched in a pane, and no others', () => {
  const [keys, touched] = [2_000, 20];
  // Three open panes with all keys, then batches of twenty of them.
  const filling = Array.from({ length: 3 * keys }, (_, i) => [10 * Math.floor(i / keys) + 1, i % keys] as const);
  const batches = Array.from({ length: 10 }, (_, batch) =>
    Array.from({ length: touched }, (__, i) => [10 * (i % 3) + 2, (batch * 97 + i * 31) % keys] as const),
  );

  const { saved } = run([filling, ...batches], 'windows', windows<number>({ window: 30, slide: 10 }));
  // Each pane has an entry of its own.
  expect(saved[0]?.set.length).toBe(3 * keys + 3);
  for (const change of saved.slice(1)) {
    expect(change?.set.length).toBe(touched);
    expect(change?.deleted).toEqual([]);
  }
});

const bytesOf = {
  'in one record': ({ set }: StateChange) => serialize(set).length,
  'by key, as JSON': (change: StateChange) => bytesByKey(change, stateToBytes),
  'by key, as V8 writes': (change: StateChange) => bytesByKey(change, serialize),
};

function bytesByKey(change: StateChange, toBytes: (state: unknown) => Buffer): number {
  return encodeChange(change, toBytes).set.reduce((all, [key, state]) => all + key.length + state.length, 0);
}

it('what is saved takes about the bytes of updateStateByKey', () => {
  // The last minutes of 2026, in panes of five seconds.
  const last = Date.UTC(2026, 11, 31, 23, 59);
  const batches = Array.from({ length: 12 }, (_, i) =>
    Array.from({ length: 500 }, (__, n): Event<string> => [last + 5_000 * i, `k${(n * 7_919) % 10_000}`]),
  );
  const sums = run(batches, 'windows', windows<string>({ window: 60_000, slide: 5_000 }));
  const update = (values: readonly number[], total = 0) => values.reduce((a, b) => a + b, total);
  const states = run(batches, 'totals', () => updateStateByKey<string, number, number>(update, { id: 'totals' }));
  for (const [written, bytes] of Object.entries(bytesOf)) {
    const total = (changes: typeof states.saved) =>
      changes.reduce((all, change) => all + (change ? bytes(change) : 0), 0);
    expect(total(sums.saved) / total(states.saved), written).toBeLessThan(1.3);
  }
});

it('keys of all types are other keys, whatever they contain, after each restart', () => {
  const keys = ['1', 1, '', ':', '#1', '@0', '0:1', 'given', -1.5, '-1.5', 0, 'é\n🚲'];
  // Panes leave, others take their places; the last record closes everything else.
  const batches = Array.from({ length: 8 }, (_, i) => keys.map((key) => [100 * i + 1, key] as const));
  const closing = [[2_000, 'closing'] as const];
  const { results, entries } = run(
    [...batches, closing],
    'windows',
    windows<string | number>({ window: 30, slide: 10 }),
  );
  const perKey = new Map<Key, number>();
  for (const [key, { value }] of results.flat()) perKey.set(key, (perKey.get(key) ?? 0) + value);
  expect([...perKey]).toEqual(keys.map((key) => [key, 3 * batches.length]));
  // What is left: the open pane, its place, and what was given.
  expect(entries.windows).toBe(3);
});

it('places of panes that have left are taken again, so that names stay short', () => {
  // Each pane waits for ten others.
  const batches = Array.from({ length: 60 }, (_, i): readonly Event<string>[] => [[10 * i, 'a']]);
  const { saved } = run(batches, 'windows', windows<string>({ window: 30, slide: 10 }));
  const names = saved.flatMap((change) => change?.set.map(([name]) => String(name)) ?? []);
  expect(new Set(names.filter((name) => name.endsWith(':a'))).size).toBeLessThan(20);
});

it('what was saved under long names is refused', async () => {
  const checkpoint = memoryCheckpoint();
  const session = await firstValueFrom(from(checkpoint.open() as Observable<CheckpointSession>));
  const former = { operator: 'aggregateByKeyAndEventWindow', signature: 'window=30 slide=10 offset=0 aggregator=sum' };
  const change = { id: 'windows', version: 0, ...former, set: [['3:s:a', 1] as const], deleted: [] };
  const batch = { time: 1, interval: 1, zeroTime: 0, positions: {} };
  await lastValueFrom(from(session.save({ ...batch, changes: [session.encode(change)] })), { defaultValue: undefined });
  const going = () =>
    run<string, unknown>([[[1, 'a']]], 'windows', windows<string>({ window: 30, slide: 10 }), checkpoint);
  expect(going).toThrow(IncompatibleStateError);
});
