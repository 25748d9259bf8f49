import { type BatchRun, type Checkpoint, type CheckpointSession, memoryCheckpoint, memoryLog, string } from 'dstream';
import { EMPTY, from, map, mergeMap, type SchedulerLike, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../../src/driver/batchesOf.js';
import { resolveDriverOptions } from '../../src/driver/driverOptions.js';
import type { Owner } from '../../src/driver/ownership.js';
import { resolvedLogSource } from '../../src/sources/log/resolvedLogSource.js';
import { resolveLogSourceOptions } from '../../src/sources/log/resolveLogSourceOptions.js';
import { slowClosing } from '../support/slowClosing.js';
import { virtual } from '../support/virtual.js';

/** A stream whose work is assigned and taken as the test says; `told` is what its checkpoint and its sources met, and when. */
function owned(scheduler: SchedulerLike, checkpoint: Checkpoint) {
  const log = memoryLog({ topics: { words: 1 }, scheduler });
  const source = resolveLogSourceOptions('logBatches', { topics: ['words'], deserialize: string() });
  const told: (readonly [at: number, what: string])[] = [];
  const tell = (what: string) => told.push([scheduler.now(), what]);
  const work: { owner?: Owner } = {};
  const ownership = {
    drainMs: 20,
    claim: (claiming: Owner) => {
      work.owner = claiming;
      return {
        start: () => claiming.assigned(),
        membership: () => ({ groupId: 'g', memberId: 'm', generation: 1, instanceId: undefined }),
        confirm: () => EMPTY,
        patience: 1_000,
        stuck: (step: string) => void tell(`stuck ${step}`),
        renew: () => EMPTY,
        dispatched: () => {},
        granted: () => EMPTY,
        opens: () => () => void tell('left'),
        released: () => void tell('released'),
        leave: () => EMPTY,
      };
    },
  };
  const stream = batchesOf(
    'log',
    resolvedLogSource('logBatches', () => log, source),
    resolveDriverOptions('logBatches', { interval: 10, scheduler, checkpoint, unclaimed: 'complete' }),
    ownership,
  );
  return { stream, work, told, tell };
}

it('a stream that loses its work while it is giving it away waits to be assigned again', () => {
  virtual((scheduler) => {
    const { stream, work, told } = owned(scheduler, slowClosing(memoryCheckpoint(), 100));
    const times: number[] = [];
    let ended = false;
    const subscription = stream.subscribe({
      next: ({ context }) => times.push(context.time),
      complete: () => {
        ended = true;
      },
    });
    timer(55).subscribe(() => work.owner?.release());
    timer(80).subscribe(() => work.owner?.lost());
    timer(300).subscribe(() => {
      expect([ended, told.some(([, what]) => what === 'released')]).toEqual([false, false]);
      expect(Math.max(...times)).toBeLessThan(100);
      work.owner?.assigned();
    });
    timer(400).subscribe(() => {
      expect(Math.max(...times)).toBeGreaterThan(300);
      subscription.unsubscribe();
    });
  });
});

it('a stream that was assigned its work again while it closes what it has lost commits nothing of that', () => {
  virtual((scheduler) => {
    const { stream, work } = owned(scheduler, slowClosing(memoryCheckpoint(), 100));
    const runs = new Set<BatchRun>();
    const subscription = stream.subscribe(({ context }) => void runs.add(context.run));
    const commits = () => [...runs].map(({ membership }) => membership?.() !== undefined);
    timer(55).subscribe(() => {
      expect(commits()).toEqual([true]);
      work.owner?.lost();
      expect(commits()).toEqual([false]);
    });
    timer(60).subscribe(() => {
      work.owner?.assigned();
      expect(commits()).toEqual([false]);
    });
    timer(300).subscribe(() => {
      expect(commits()).toEqual([false, true]);
      subscription.unsubscribe();
    });
  });
});

describe('an opening whose work was lost', () => {
  const lives = (opening: number, check: (told: readonly (readonly [at: number, what: string])[]) => void): void => {
    virtual((scheduler) => {
      const store = memoryCheckpoint();
      const open: Checkpoint['open'] = (how) => {
        tell('opens');
        const closes = (session: CheckpointSession): CheckpointSession => ({
          ...session,
          close: () => {
            tell('closes');
            return session.close();
          },
        });
        // The later ones are quick.
        const lasts = told.length === 1 ? opening : 0;
        return timer(lasts).pipe(mergeMap(() => from(store.open(how)).pipe(map(closes))));
      };
      const { stream, work, told, tell } = owned(scheduler, { location: 'memory', open });
      const subscription = stream.subscribe();
      timer(20).subscribe(() => work.owner?.lost());
      timer(30).subscribe(() => work.owner?.assigned());
      timer(3_000).subscribe(() => {
        check(told);
        subscription.unsubscribe();
      });
    });
  };

  it('is waited for: what it has opened is closed before the next one begins', () => {
    lives(100, (told) => {
      const expected = [
        [0, 'opens'],
        [100, 'closes'],
        [100, 'left'],
        [100, 'opens'],
      ];
      expect(told).toEqual(expected);
    });
  });

  it('is not waited for longer than a session, and counts as open until it has ended', () => {
    lives(2_000, (told) => {
      const expected = [
        [0, 'opens'],
        [1_020, 'stuck closing'],
        [1_020, 'opens'],
        [2_000, 'closes'],
        [2_000, 'left'],
      ];
      expect(told.slice(0, 5)).toEqual(expected);
    });
  });
});
