import { foreachBatch, logBatches, memoryCheckpoint, memoryLog, type StreamMonitor, string } from 'dstream';
import { TestScheduler } from 'rxjs/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DriverMonitor } from '../../../src/driver/monitoring/driverMonitor.js';
import { RunMonitors } from '../../../src/driver/monitoring/runMonitors.js';
import { virtual } from '../../support/virtual.js';

const stream = { name: 's', interval: 10, sources: [], stallAfter: 100 } as never;

function driverMonitor(monitors: readonly StreamMonitor[]): DriverMonitor {
  const scheduler = new TestScheduler(() => {});
  return new DriverMonitor(
    { monitors, stallAfter: 100, scheduler, now: () => 0 },
    stream,
    { failed: 0 },
    () => undefined,
  );
}

const description = () => {
  throw new Error('described for nobody');
};

afterEach(() => vi.restoreAllMocks());

describe('a stream without monitors', () => {
  it('describes no batch, and offers its sources nobody to report to', () => {
    const unwatched = driverMonitor([]);
    expect(unwatched.watched).toBe(false);
    expect(() => unwatched.planned(description)).not.toThrow();
    expect(() => unwatched.read(description)).not.toThrow();
    expect(unwatched.fetchObserver('log')).toBeUndefined();
    expect(unwatched.syncObserver('log')).toBeUndefined();
    expect(unwatched.receiverObserver('log')).toBeUndefined();
    expect(unwatched.maxTraceParents).toBe(0);

    const watched = driverMonitor([{ run: () => ({}) }]);
    expect(watched.watched).toBe(true);
    expect(() => watched.planned(description)).toThrow('described for nobody');
    expect(watched.fetchObserver('log')).toBeTypeOf('function');
  });

  it.each([
    ['none', 0],
    ['one', 1],
  ] as const)('makes nothing that calls monitors, stages among it, where there are %s', (_, count) => {
    const tell = vi.spyOn(RunMonitors.prototype, 'tell');
    const stage = vi.spyOn(RunMonitors.prototype, 'stage');
    const stageOf = vi.spyOn(RunMonitors.prototype, 'stageOf');
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: 'a' }]);
    const options = { interval: 10, checkpoint: memoryCheckpoint(), monitors: Array(count).fill({ run: () => ({}) }) };
    virtual((scheduler) => {
      const subscription = logBatches(log, { topics: ['t'], start: 'earliest', deserialize: string(), ...options })
        .pipe(foreachBatch(() => {}))
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 45);
    });
    for (const call of [tell, stage, stageOf]) expect(call.mock.calls.length > 0).toBe(count > 0);
  });
});
