import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, type CheckpointSession, memoryCheckpoint } from 'dstream';
import { fileCheckpoint } from 'dstream/node';
import { type CheckpointStore, checkpointContract } from 'dstream/testing';
import { EMPTY, from, map } from 'rxjs';
import { describe, expect, it } from 'vitest';

function memoryStore(): CheckpointStore {
  const checkpoint = memoryCheckpoint();
  return { connect: () => checkpoint };
}

function fileStore(snapshotBytes?: number): CheckpointStore {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-contract-'));
  return {
    connect: () => fileCheckpoint(directory, snapshotBytes === undefined ? {} : { snapshotBytes }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

describe('memoryCheckpoint', () => {
  for (const { name, run } of checkpointContract(memoryStore)) it(name, run);
});

describe('fileCheckpoint', () => {
  for (const { name, run } of checkpointContract(() => fileStore())) it(name, run);
});

describe('fileCheckpoint with a snapshot at every turn', () => {
  for (const { name, run } of checkpointContract(() => fileStore(1))) it(name, run);
});

describe('the contract', () => {
  type Spoil = (session: CheckpointSession) => Partial<CheckpointSession>;

  /** A store in memory with something wrong about its sessions. */
  const faulty = (spoil: Spoil) => (): CheckpointStore => {
    const { connect } = memoryStore();
    const spoiled = ({ location, open }: Checkpoint): Checkpoint => ({
      location,
      open: () => from(open()).pipe(map((session) => ({ ...session, ...spoil(session) }))),
    });
    return { connect: () => spoiled(connect()) };
  };
  const failing = async (newStore: () => CheckpointStore): Promise<readonly string[]> => {
    const names: string[] = [];
    for (const { name, run } of checkpointContract(newStore)) await run().catch(() => names.push(name));
    return names;
  };

  it.each<[string, Spoil, RegExp]>([
    ['does not plan', () => ({ plan: () => EMPTY }), /planned and not saved/],
    [
      'forgets the selection of a plan',
      ({ plan }) => ({ plan: ({ selection: _, ...batch }) => plan(batch) }),
      /keeps the selection/,
    ],
    ['does not save', () => ({ save: () => EMPTY }), /last saved batch/],
    ['encodes late', () => ({ encode: (change) => change }), /encodes a change at once/],
    ['loses deletions', ({ encode }) => ({ encode: (change) => encode({ ...change, deleted: [] }) }), /become empty/],
    [
      'takes numbers for text',
      ({ encode }) => ({
        encode: (change) => encode({ ...change, set: change.set.map(([key, state]) => [String(key), state]) }),
      }),
      /keys of every kind/,
    ],
    [
      'has values as JSON',
      ({ encode }) => ({
        encode: (change) =>
          encode({
            ...change,
            set: change.set.map(([key, state]) => [
              key,
              typeof state === 'bigint' ? 0 : JSON.parse(JSON.stringify(state)),
            ]),
          }),
      }),
      /structured clone/,
    ],
    [
      'forgets the order of keys',
      ({ restored }) => ({
        restored: restored && {
          ...restored,
          state: (id) => {
            const state = restored.state(id);
            return state && { ...state, entries: () => [...state.entries()].reverse() };
          },
        },
      }),
      /oldest first/,
    ],
  ])('finds a store that %s', async (_, spoil, expected) => {
    expect(await failing(faulty(spoil))).toContainEqual(expect.stringMatching(expected));
  });
});
