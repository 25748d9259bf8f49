import { TimedOutError } from 'dstream';
import { EMPTY, NEVER, type ObservableInput, of, type SchedulerLike, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type BatchStep, SerialQueue } from '../../src/driver/serialQueue.js';
import { virtual } from '../support/virtual.js';

/** A queue whose items are what they wait for, with a limit of 50 ms for each, and what it says. */
function queue(scheduler: SchedulerLike, clock = () => scheduler.now()) {
  const said: unknown[] = [];
  const schedule = scheduler.schedule.bind(scheduler);
  const items = new SerialQueue<{ readonly time: number; readonly work: () => ObservableInput<unknown> }>(
    function* ({ time, work }, turn) {
      turn.enter({ stage: 'fetch', name: 'reading', time });
      yield work();
      turn.leave();
      said.push(`${time} at ${scheduler.now()}`);
    },
    {
      fail: (error: unknown, step?: BatchStep) => said.push([error, step?.time, scheduler.now()]),
      drained: () => said.push('drained'),
    },
    { stepTimeout: 50, scheduler: { now: clock, schedule } },
  );
  const push = (time: number, work: ObservableInput<unknown>) => items.push({ time, work: () => work });
  return { said, items, push };
}

describe('SerialQueue', () => {
  it('works off one item after the other, thousands that wait for nothing without a stack frame for each', () => {
    virtual((scheduler) => {
      const { said, items, push } = queue(scheduler);
      push(1, timer(10));
      for (let time = 2; time <= 20_000; time++) push(time, time % 2 === 0 ? EMPTY : of(time));
      expect([items.size, items.idle]).toEqual([19_999, false]);
      scheduler.schedule(() => {
        expect([said[0], said[19_999], said.at(-1)]).toEqual(['1 at 10', '20000 at 10', 'drained']);
        expect(items.idle).toBe(true);
      }, 20);
    });
  });

  it('says which step failed, and none where none was under way', () => {
    virtual((scheduler) => {
      const { said, push } = queue(scheduler);
      push(
        1,
        throwError(() => 'failed'),
      );
      expect(said).toEqual([['failed', 1, 0]]);
    });
  });

  it('ends a step that hangs at its limit, also where the timer was set for one before it', () => {
    virtual((scheduler) => {
      const { said, items, push } = queue(scheduler);
      push(1, timer(30));
      push(2, timer(40));
      push(3, NEVER);
      scheduler.schedule(() => items.close(), 200);
      scheduler.schedule(() => {
        expect(said).toEqual(['1 at 30', '2 at 70', [new TimedOutError('reading batch 3', 50), 3, 120]]);
      }, 300);
    });
  });

  it('ends none before its time where the clock is set while it is under way', () => {
    virtual((scheduler) => {
      let ahead = 0;
      const { said, push } = queue(scheduler, () => scheduler.now() + ahead);
      push(1, timer(30));
      push(2, timer(60));
      scheduler.schedule(() => {
        ahead = 3_600_000;
      }, 40);
      // It has taken longer than it may, for which it is ended one limit after the clock was found to be another.
      scheduler.schedule(() => expect(said).toEqual(['1 at 30', '2 at 90', 'drained']), 95);
    });
  });

  it('ends what is under way when it is closed, and sets no timer any more', () => {
    virtual((scheduler) => {
      const { said, items, push } = queue(scheduler);
      let left = 0;
      push(1, timer(500));
      push(2, NEVER);
      items.close();
      scheduler.schedule(() => {
        left = said.length;
      }, 1_000);
      scheduler.schedule(() => expect([left, items.size]).toEqual([0, 0]), 1_001);
    });
  });
});
