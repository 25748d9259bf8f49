import {
  AbandonedBatchError,
  type Batch,
  type BatchInfo,
  foreachBatch,
  LateHoldError,
  mapRecords,
  memoryCheckpoint,
  TimedOutError,
} from 'dstream';
import { EMPTY, merge, NEVER, type Observable, type ObservableInput, Subject, share, tap, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { announceOpening } from '../../src/batch/announcements.js';
import { lastActs } from '../../src/operators/base/lastActs.js';
import { perBatch } from '../../src/operators/base/perBatch.js';
import { collect, scripted } from '../support/scripted.js';
import { virtual } from '../support/virtual.js';

/** An output that does everything as its last act. */
const atEnd = <T>(act: (batch: Batch<T>) => ObservableInput<unknown>) =>
  perBatch<T, T>('atEnd', () => {
    const acts = lastActs({ operator: 'atEnd' });
    return {
      next(batch) {
        acts.add(batch.context, () => act(batch));
        return batch;
      },
      close: () => acts.close(),
    };
  });

describe('the last acts of a batch', () => {
  it('run when every other output has settled, and before progress is saved', () => {
    const { log, stream } = scripted({ count: 1 });
    const events: unknown[] = [];
    const infos: BatchInfo[] = [];
    virtual((scheduler) => {
      const note = (what: string) => () => events.push([what, scheduler.now(), ...log.committed]);
      const shared = stream({ batchObserver: { next: (info) => infos.push(info) } }).pipe(share());
      merge(
        shared.pipe(atEnd(() => timer(2).pipe(tap({ subscribe: note('act'), complete: note('acted') })))),
        shared.pipe(foreachBatch(() => timer(7).pipe(tap({ complete: note('written') })))),
      ).subscribe({ complete: note('complete') });
    });
    expect(events).toEqual([
      ['written', 17],
      ['act', 17],
      ['acted', 19],
      ['complete', 20, 1],
    ]);
    expect(infos.map(({ processingDelay, saveDelay }) => [processingDelay, saveDelay])).toEqual([[9, 0]]);
  });

  it('run in the order of the batches, although a later one has settled before', () => {
    const { log, stream } = scripted({ records: (i) => [[25, 1, 1][i] ?? 0] });
    const events: unknown[] = [];
    virtual((scheduler) => {
      stream({ concurrentBatches: 3 })
        .pipe(
          atEnd(({ context: { time } }) => timer(1).pipe(tap(() => events.push([time, scheduler.now()])))),
          foreachBatch(([delay = 0]) => timer(delay)),
        )
        .subscribe();
    });
    expect(events).toEqual([
      [10, 36],
      [20, 37],
      [30, 38],
    ]);
    expect(log.committed).toEqual([1, 2, 3]);
  });

  it('do not run when another output fails', () => {
    const { log, stream } = scripted({ count: 1 });
    const events: unknown[] = [];
    let acts = 0;
    virtual(() => {
      const output = stream().pipe(
        atEnd(() => [acts++]),
        foreachBatch(() => {
          throw new Error('boom');
        }),
      );
      collect(output, events, () => 'batch');
    });
    expect(events).toEqual([new Error('boom')]);
    expect([acts, log.committed]).toEqual([0, []]);
  });

  it('fail the batch when they fail, and when they take too long', () => {
    const failing = (act: () => ObservableInput<unknown>) => {
      const { log, stream } = scripted({ count: 1 });
      const events: unknown[] = [];
      virtual(() => collect(stream({ outputTimeout: 5 }).pipe(atEnd(act)), events, () => 'batch'));
      expect(log.committed).toEqual([]);
      return events;
    };
    expect(
      failing(() => {
        throw new Error('boom');
      }),
    ).toEqual(['batch', new Error('boom')]);
    expect(failing(() => NEVER)).toEqual(['batch', new TimedOutError('', 5).code]);
  });

  it('fail the batch when their subscriber leaves before', () => {
    const { stream } = scripted({ count: 2 });
    const events: unknown[] = [];
    virtual(() => {
      const shared = stream().pipe(share());
      const acting = shared.pipe(atEnd(() => timer(1))).subscribe({ error: () => {} });
      collect(shared.pipe(foreachBatch(() => timer(3))), events, () => 'batch');
      timer(12).subscribe(() => acting.unsubscribe());
    });
    expect(events).toEqual([new AbandonedBatchError(10).code]);
  });

  it('are too late for a hold', () => {
    const { stream } = scripted({ count: 1 });
    const events: unknown[] = [];
    virtual(() => {
      const late = atEnd<number>(({ context }) => {
        context.hold();
        return EMPTY;
      });
      collect(stream().pipe(late), events, () => 'batch');
    });
    expect(events).toEqual(['batch', new LateHoldError(10).code]);
  });
});

it('a run tells its outputs when it has ended, once', () => {
  const { stream } = scripted({ count: 1 });
  const closed: string[] = [];
  let known: Batch<number> | undefined;
  virtual(() => {
    stream()
      .pipe(
        foreachBatch((_, context) => {
          context.run.whenClosed(() => closed.push('ended'));
        }),
      )
      .subscribe((batch) => {
        known = batch;
      });
  });
  expect(closed).toEqual(['ended']);
  known?.context.run.whenClosed(() => closed.push('at once'));
  expect(closed).toEqual(['ended', 'at once']);
});

it('sources receive what outputs do before committed offsets are read, of all branches of a shared stream', () => {
  const opened: string[] = [];
  const ready = new Subject<never>();
  const { source, stream } = scripted({ count: 1 });
  const open = source.open.bind(source);
  let waiting: Observable<never> | undefined;
  Object.assign(source, {
    open: (setup: Parameters<typeof open>[0]) => {
      waiting = setup.outputsReady;
      return open(setup);
    },
  });
  virtual((scheduler) => {
    const opening = (name: string) => (from: Observable<Batch<number>>) => {
      const announced = perBatch<number, number>('opens', (on) => {
        const withdraw = announceOpening(on, () => {
          opened.push(name);
          return ready;
        });
        return { next: (batch) => batch, close: withdraw };
      })(from);
      return announced;
    };
    const shared = stream({ checkpoint: memoryCheckpoint() }).pipe(share());
    merge(
      shared.pipe(
        mapRecords((n) => n),
        opening('first'),
      ),
      shared.pipe(opening('second')),
    )
      .pipe(foreachBatch(() => {}))
      .subscribe();
    let completed = false;
    scheduler.schedule(() => waiting?.subscribe({ complete: () => (completed = true) }), 1);
    scheduler.schedule(() => expect([completed, opened]).toEqual([false, ['first', 'second']]), 2);
    scheduler.schedule(() => ready.complete(), 3);
    scheduler.schedule(() => expect(completed).toBe(true), 4);
  });
  expect(opened).toEqual(['first', 'second']);
});
