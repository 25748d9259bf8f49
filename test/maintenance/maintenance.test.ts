import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Batch,
  type Checkpoint,
  foreachBatch,
  fromBatches,
  InvalidOptionError,
  InvalidRecordError,
  memoryCheckpoint,
  type Pair,
  reduceByKeyAndWindow,
  type StateChange,
  updateStateByKey,
} from 'dstream';
import {
  dropState,
  exportCheckpoint,
  fileCheckpoint,
  importCheckpoint,
  inspectCheckpoint,
  lmdbCheckpoint,
  renameState,
  splitCheckpoint,
} from 'dstream/node';
import { firstValueFrom, from, lastValueFrom, type Observable, toArray } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { kafkaPartitioner } from '../../src/partitioning/kafkaPartitioner.js';
import { changeOf, plannedBatch, positionsAfter } from '../../src/testing/contracts/checkpointTrial.js';
import { settle } from '../support/savedBatches.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-maintenance-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const newDirectory = () => join(root, String(directories++));

const stores: Readonly<Record<string, () => () => Checkpoint>> = {
  memory: () => {
    const checkpoint = memoryCheckpoint();
    return () => checkpoint;
  },
  files: () => {
    const directory = newDirectory();
    return () => fileCheckpoint(directory, { snapshotBytes: 200 });
  },
  lmdb: () => {
    const directory = newDirectory();
    return () => lmdbCheckpoint(directory);
  },
};

const open = (checkpoint: Checkpoint) => firstValueFrom(from(checkpoint.open()));

/** A checkpoint with two states and a planned batch. */
async function fill(checkpoint: Checkpoint): Promise<void> {
  const session = await open(checkpoint);
  const changes = [
    changeOf([
      ['a', 1],
      ['b', { at: new Date(3) }],
      [7, 2n],
    ]),
    changeOf([['x', 'y']], [], { id: 'other', operator: 'mapWithState', signature: 'timeout', version: 3 }),
  ];
  await settle(session.plan(plannedBatch(1)));
  const { time, zeroTime, interval } = plannedBatch(1);
  const encoded = changes.map((change) => session.encode(change));
  await settle(session.save({ time, zeroTime, interval, positions: positionsAfter(1), changes: encoded }));
  await settle(session.plan({ ...plannedBatch(2), attempts: 1, selection: 't-0' }));
  await settle(session.close());
}

/** Saves a batch with these changes, of a source with this partition. */
async function saveIn(checkpoint: Checkpoint, changes: readonly StateChange[], partition = 0): Promise<void> {
  const session = await open(checkpoint);
  const positions = { source: [{ topic: 't', partition, offset: 1 }] };
  const encoded = changes.map((change) => session.encode(change));
  await settle(session.save({ time: 10, zeroTime: 0, interval: 10, positions, changes: encoded }));
  await settle(session.close());
}

async function linesOf(checkpoint: Checkpoint, ids?: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of exportCheckpoint(checkpoint, ids)) lines.push(line);
  return lines;
}

describe.each(Object.keys(stores))('a checkpoint in %s', (name) => {
  const newStore = stores[name] as () => () => Checkpoint;

  it('is inspected, changed and moved while no stream owns it', async () => {
    const connect = newStore();
    await fill(connect());
    const counts = { id: 'counts', operator: 'updateStateByKey', signature: '', version: 0, keys: 3 };
    const other = { id: 'other', operator: 'mapWithState', signature: 'timeout', version: 3, keys: 1 };
    const before = await inspectCheckpoint(connect());
    expect(before.states).toEqual([counts, other]);
    expect([before.time, before.planned]).toEqual([10, [{ ...plannedBatch(2), attempts: 1, selection: 't-0' }]]);
    expect(before.positions).toEqual(positionsAfter(1));

    const lines = await linesOf(connect());
    await renameState(connect(), 'counts', 'renamed');
    await dropState(connect(), 'other');
    const after = await inspectCheckpoint(connect());
    expect(after).toEqual({ ...before, states: [{ ...counts, id: 'renamed' }] });
    expect(await linesOf(connect(), ['renamed'])).toEqual(
      lines.slice(0, 5).map((line) => line.replace('"counts"', '"renamed"')),
    );

    for (const target of Object.values(stores)) {
      const moved = target();
      expect(await importCheckpoint(moved(), lines)).toEqual(['counts', 'other']);
      expect(await linesOf(moved())).toEqual(lines);
    }
    expect(await importCheckpoint(connect(), lines.slice(1))).toEqual(['counts', 'other']);
    expect((await inspectCheckpoint(connect())).states.map(({ id }) => id)).toEqual(['counts', 'other', 'renamed']);
  });

  it('names what is wrong with an id, and leaves all as it is', async () => {
    const connect = newStore();
    await fill(connect());
    const lines = await linesOf(connect());
    const known = `is no state of ${connect().location}, which has "counts", "other"`;
    await expect(dropState(connect(), 'count')).rejects.toThrow(`dropState: id ("count") ${known}`);
    await expect(renameState(connect(), 'count', 'a')).rejects.toThrow(known);
    await expect(linesOf(connect(), ['count'])).rejects.toThrow(known);
    await expect(renameState(connect(), 'counts', 'other')).rejects.toBeInstanceOf(InvalidOptionError);
    expect(() => renameState(connect(), 'counts', '')).toThrow(InvalidOptionError);
    await expect(importCheckpoint(connect(), lines)).rejects.toThrow('"counts", "other"');
    expect(await linesOf(connect())).toEqual(lines);
    expect(await importCheckpoint(connect(), lines, { replace: true })).toEqual(['counts', 'other']);
    expect(await linesOf(connect())).toEqual(lines);
  });
});

it.each(['files', 'lmdb'])('a checkpoint in %s is refused while a stream owns it', async (name) => {
  const connect = (stores[name] as () => () => Checkpoint)();
  await fill(connect());
  const owner = await open(connect());
  const works = [inspectCheckpoint, (one: Checkpoint) => dropState(one, 'counts'), linesOf];
  for (const work of works) {
    await expect(work(connect())).rejects.toThrow('in use by another stream of this process');
  }
  await settle(owner.close());
  expect((await inspectCheckpoint(connect())).states).toHaveLength(2);
});

it('refuses lines that are of no export, by their numbers', async () => {
  const progress = { dstream: 'progress', format: 1, time: 10, zeroTime: 0, interval: 10, positions: {}, planned: [] };
  const cases: readonly (readonly [lines: readonly unknown[], message: string])[] = [
    [['{"key":'], 'is line 1 and no line of an export'],
    [[{ key: 1, state: 2 }], 'is line 1 and no line'],
    [[progress, '', { dstream: 'state', id: 1 }], 'is line 3 and no line'],
    [[{ ...progress, format: 2 }], 'format 2, and only format 1 can be read'],
    [[{ dstream: 'state', id: 'a', operator: 'b', signature: '', version: 0 }], 'is empty and needs progress'],
  ];
  for (const [lines, message] of cases) {
    const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
    const refused = await importCheckpoint(memoryCheckpoint(), texts).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InvalidRecordError);
    expect((refused as Error).message).toContain(message);
  }
});

describe('splitCheckpoint', () => {
  const letters = [...'abcdefghij'];
  const batches = Array.from({ length: 8 }, (_, i) =>
    letters.filter((_, n) => (n * 7 + i) % 3 > 0).map((letter, n): Pair<string, number> => [letter, i + n]),
  );
  const sum = (a: number, b: number) => a + b;
  const outputs = {
    totals: (source: Observable<Batch<Pair<string, number>>>) =>
      source.pipe(
        updateStateByKey((values, total: number | undefined) => values.reduce(sum, total ?? 0), { id: 'it' }),
      ),
    windows: (source: Observable<Batch<Pair<string, number>>>) =>
      source.pipe(reduceByKeyAndWindow(sum, { window: 40, id: 'it' })),
  };

  async function run(
    records: readonly (readonly Pair<string, number>[])[],
    checkpoint: Checkpoint,
    operator: (typeof outputs)['totals'],
  ): Promise<readonly (readonly Pair<string, number>[])[]> {
    const source = fromBatches(records, { interval: 10, checkpoint });
    const results = await lastValueFrom(
      operator(source).pipe(
        foreachBatch(() => {}),
        toArray(),
      ),
    );
    return results.map((batch) => [...(batch as Batch<Pair<string, number>>).records].sort());
  }

  it.each(Object.keys(outputs))('goes on with %s in parts as in one', async (name) => {
    const operator = outputs[name as keyof typeof outputs];
    const partOf = (part: number) => batches.map((batch) => batch.filter(([key]) => kafkaPartitioner(key, 3) === part));
    const whole = await run(batches, memoryCheckpoint(), operator);

    const one = memoryCheckpoint();
    await run(batches.slice(0, 4), one, operator);
    const lines = (await linesOf(one)).map((line, i) =>
      // The source of a test has two partitions and their positions go by it: here each part is a whole source.
      i === 0 ? JSON.stringify({ ...JSON.parse(line), positions: {} }) : line,
    );
    const source = memoryCheckpoint();
    await importCheckpoint(source, lines);
    const parts = [memoryCheckpoint(), memoryCheckpoint(), memoryCheckpoint()];
    await splitCheckpoint({ from: source, of: 3, to: (part) => parts[part]! });
    const states = await Promise.all(parts.map((part) => linesOf(part)));
    const keysOf = (part: readonly string[]) => part.slice(2).filter((line) => line.startsWith('{"key":"')).length;
    if (name === 'totals') expect(states.map(keysOf).reduce(sum)).toBe(letters.length);

    // They go on in three streams, which read the second half alone.
    const rest = await Promise.all(parts.map((part, n) => run(partOf(n).slice(4), part, operator)));
    const joined = rest[0]!.map((_, i) => rest.flatMap((one) => one[i]!).sort());
    expect(joined).toEqual(whole.slice(-joined.length));
    expect(joined.length).toBe(4);
  });

  it('splits event-time windows by key and their watermarks by partition', async () => {
    const checkpoint = memoryCheckpoint();
    const windows = { id: 'windows', operator: 'aggregateByKeyAndEventWindow', signature: 'window=10 layout=2' };
    const time = { id: 'time', operator: 'eventTime' };
    const panes = letters.map((letter) => [`0:${letter}`, 1] as const);
    const places = [
      ['@0', 3],
      ['@a', [4, 5]],
    ] as const;
    await saveIn(
      checkpoint,
      [
        changeOf([...places, ...panes, ['given', 2], ['a#7', 1]], [], windows),
        changeOf(
          [
            ['', 5],
            ['t/0', { records: 1 }],
            ['t/1', { records: 2 }],
          ],
          [],
          time,
        ),
      ],
      1,
    );
    const parts = [memoryCheckpoint(), memoryCheckpoint()];
    await splitCheckpoint({ from: checkpoint, of: 2, to: (part) => parts[part]! });
    const keysOf = async (part: Checkpoint, id: string) =>
      (await linesOf(part, [id])).slice(2).map((line) => JSON.parse(line).key);
    for (const [n, part] of parts.entries()) {
      const mine = panes.map(([name]) => name).filter((name) => kafkaPartitioner(name.slice(2), 2) === n);
      expect(mine.length).toBeGreaterThan(0);
      const seven = kafkaPartitioner(7, 2) === n ? ['a#7'] : [];
      expect(await keysOf(part, 'windows')).toEqual(['@0', '@a', ...mine, 'given', ...seven]);
      expect(await keysOf(part, 'time')).toEqual(['', `t/${n}`]);
    }
  });

  it('refuses a state without keys, a partition beyond, and parts that are not empty', async () => {
    const checkpoint = memoryCheckpoint();
    await saveIn(checkpoint, [changeOf([[10, 3]], [], { id: 'count', operator: 'countByWindow' })], 2);
    const split = (of: number, to = memoryCheckpoint()) => splitCheckpoint({ from: checkpoint, of, to: () => to });
    await expect(split(3)).rejects.toThrow('("count") is a state of countByWindow, which cannot be split by key');
    await expect(split(2)).rejects.toThrow('of (2) must be the number of partitions');
    const withStates = (states: unknown) =>
      splitCheckpoint({ from: checkpoint, of: 3, to: () => memoryCheckpoint(), states: states as [] });
    await expect(withStates([{ operator: 'countByWindow', id: 'count' }])).rejects.toThrow(
      'states ("count") is a state of countByWindow, whose description has no split: say there which keys go to a task',
    );
    const described = { operator: 'mine', id: 'count', version: 2, split: () => undefined };
    await expect(withStates([described])).rejects.toMatchObject({
      code: 'INCOMPATIBLE_STATE',
      message: expect.stringContaining('the operator wants mine, version 2'),
    });
    expect(() => withStates([{ operator: 'mine', split: 'by key' }])).toThrow('states[0].id (undefined) must be');
    expect(() => withStates([null])).toThrow('states[0] (null) must be the description of a state');
    expect(() => split(0)).toThrow('of (0) must be a positive integer');
    await dropState(checkpoint, 'count');
    // Keys would go by another number than that of the topic.
    await expect(split(4)).rejects.toThrow('of (4) must be the number of partitions, of which the checkpoint has 3');
    await expect(split(3)).rejects.toThrow('to ("memory") must be empty');
    await expect(splitCheckpoint({ from: memoryCheckpoint(), of: 1, to: memoryCheckpoint })).rejects.toThrow(
      'is empty',
    );
  });
});
