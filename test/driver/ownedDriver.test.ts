import { memoryCheckpoint, memoryLog, string } from 'dstream';
import { EMPTY, timer } from 'rxjs';
import { expect, it } from 'vitest';
import { batchesOf } from '../../src/driver/batchesOf.js';
import { resolveDriverOptions } from '../../src/driver/driverOptions.js';
import type { Owner } from '../../src/driver/ownership.js';
import { resolvedLogSource } from '../../src/sources/log/resolvedLogSource.js';
import { resolveLogSourceOptions } from '../../src/sources/log/resolveLogSourceOptions.js';
import { slowClosing } from '../support/slowClosing.js';
import { virtual } from '../support/virtual.js';

it('a stream that loses its work while it is giving it away waits to be assigned again', () => {
  virtual((scheduler) => {
    const log = memoryLog({ topics: { words: 1 }, scheduler });
    const source = resolveLogSourceOptions('logBatches', { topics: ['words'], deserialize: string() });
    let owner: Owner | undefined;
    let released = 0;
    const ownership = {
      drainMs: 20,
      claim: (claiming: Owner) => {
        owner = claiming;
        return {
          start: () => claiming.assigned(),
          membership: () => ({ groupId: 'g', memberId: 'm', generation: 1, instanceId: undefined }),
          confirm: () => EMPTY,
          patience: 1_000,
          stuck: () => {},
          renew: () => EMPTY,
          released: () => {
            released++;
          },
          leave: () => EMPTY,
        };
      },
    };
    const checkpoint = slowClosing(memoryCheckpoint(), 100);
    const stream = batchesOf(
      'log',
      resolvedLogSource('logBatches', () => log, source),
      resolveDriverOptions('logBatches', { interval: 10, scheduler, checkpoint, unclaimed: 'complete' }),
      ownership,
    );
    const times: number[] = [];
    let ended = false;
    const subscription = stream.subscribe({
      next: ({ context }) => times.push(context.time),
      complete: () => {
        ended = true;
      },
    });
    timer(55).subscribe(() => owner?.release());
    timer(80).subscribe(() => owner?.lost());
    timer(300).subscribe(() => {
      expect([ended, released]).toEqual([false, 0]);
      expect(Math.max(...times)).toBeLessThan(100);
      owner?.assigned();
    });
    timer(400).subscribe(() => {
      expect(Math.max(...times)).toBeGreaterThan(300);
      subscription.unsubscribe();
    });
  });
});
