import { foreachBatch, memoryCheckpoint } from 'dstream';
import { NEVER, type ObservableInput, type SchedulerLike, Subject, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { CommitLane } from '../../src/driver/commitLane.js';
import { scripted } from '../support/scripted.js';
import { virtual } from '../support/virtual.js';

describe('the commits of batches', () => {
  const lane = (scheduler: SchedulerLike) => {
    const events: unknown[] = [];
    const commits = new CommitLane(
      { stepTimeout: 60_000, scheduler },
      {
        fail: (error) => events.push(['failed', error, scheduler.now()]),
        drained: () => events.push(['drained', scheduler.now()]),
      },
    );
    const commit = (name: string, work: ObservableInput<unknown>) =>
      commits
        .commit({
          time: 0,
          work: () => work,
          committed: () => events.push(['committed', name, scheduler.now()]),
        })
        .subscribe({ complete: () => events.push(['goes on', name, scheduler.now()]) });
    return { events, commits, commit };
  };

  it('are waited for, each in its turn', () => {
    virtual((scheduler) => {
      const { events, commit } = lane(scheduler);
      commit('a', timer(20));
      commit('b', timer(10));
      scheduler.schedule(() => {
        expect(events).toEqual([
          ['committed', 'a', 20],
          ['goes on', 'a', 20],
          ['committed', 'b', 30],
          ['goes on', 'b', 30],
          ['drained', 30],
        ]);
      }, 100);
    });
  });

  it('are not waited for while one of them is late, and come in order all the same', () => {
    virtual((scheduler) => {
      const { events, commits, commit } = lane(scheduler);
      const coordinator = new Subject<void>();
      commit('a', coordinator);
      scheduler.schedule(() => commit('b', timer(10)), 2_000);
      scheduler.schedule(() => expect(commits.idle).toBe(false), 4_000);
      scheduler.schedule(() => coordinator.complete(), 5_000);
      scheduler.schedule(() => commit('c', timer(10)), 6_000);
      scheduler.schedule(() => {
        expect(events).toEqual([
          ['goes on', 'a', 1_000],
          ['goes on', 'b', 2_000],
          ['committed', 'a', 5_000],
          ['committed', 'b', 5_010],
          ['drained', 5_010],
          ['committed', 'c', 6_010],
          ['goes on', 'c', 6_010],
          ['drained', 6_010],
        ]);
        expect(commits.idle).toBe(true);
      }, 10_000);
    });
  });

  it('that fail late fail the stream', () => {
    virtual((scheduler) => {
      const { events, commit } = lane(scheduler);
      const coordinator = new Subject<void>();
      commit('a', coordinator);
      scheduler.schedule(() => coordinator.error('away'), 5_000);
      scheduler.schedule(() => {
        expect(events).toEqual([
          ['goes on', 'a', 1_000],
          ['failed', 'away', 5_000],
        ]);
      }, 10_000);
    });
  });

  it('end with the stream', () => {
    virtual((scheduler) => {
      const { events, commits, commit } = lane(scheduler);
      commit('a', timer(20));
      commit('b', timer(20));
      commits.close();
      scheduler.schedule(() => expect(events).toEqual([]), 100);
    });
  });
});

describe('a stream whose commits take long', () => {
  it.each([false, true])('goes on, and stop() waits for them (checkpoint: %s)', (withCheckpoint) => {
    virtual((scheduler) => {
      const { log, stream } = scripted({ count: 5, commit: () => timer(3_000) });
      const batches = stream(withCheckpoint ? { checkpoint: memoryCheckpoint() } : {});
      let ended = 0;
      batches.pipe(foreachBatch(() => {})).subscribe({
        complete: () => {
          ended = scheduler.now();
        },
      });
      scheduler.schedule(() => expect(ended).toBe(0), 2_000);
      scheduler.schedule(() => {
        expect(log.committed).toEqual([1, 2, 3, 4, 5]);
        expect(ended).toBe(15_010);
      }, 60_000);
    });
  });

  it('fails when one takes longer than it may', () => {
    virtual((scheduler) => {
      const { stream } = scripted({ count: 500, commit: () => NEVER });
      let failure: unknown;
      let batches = 0;
      stream({ stepTimeout: 4_000 })
        .pipe(foreachBatch(() => void batches++))
        .subscribe({
          error: (error) => {
            failure = error;
          },
        });
      scheduler.schedule(() => {
        expect(failure).toMatchObject({ code: 'TIMED_OUT', message: expect.stringContaining('committing batch 10') });
        expect(batches).toBeGreaterThan(300);
      }, 60_000);
    });
  });
});
