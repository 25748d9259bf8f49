import { config, firstValueFrom, NEVER, of, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { StageEnd } from '../../../src/batch/monitoring/stage.js';
import type { MonitoredStream, RunMonitor } from '../../../src/batch/monitoring/streamMonitor.js';
import { RunMonitors } from '../../../src/driver/monitoring/runMonitors.js';

let now = 0;
const stream = { now: () => now } as MonitoredStream;
const monitorsOf = (...runs: RunMonitor[]) =>
  new RunMonitors(
    runs.map((run) => ({ run: () => run })),
    stream,
  );
const dispatch = { kind: 'dispatch', time: 1_000 } as const;

afterEach(() => {
  config.onUnhandledError = null;
  now = 0;
});

/** Runs `work` in virtual time and returns what RxJS was told of as unhandled. */
function unhandled(work: () => void): unknown[] {
  const errors: unknown[] = [];
  config.onUnhandledError = (error) => errors.push(error);
  new TestScheduler(() => {}).run(({ flush }) => {
    work();
    flush();
  });
  return errors;
}

describe('RunMonitors', () => {
  it('wraps work in every monitor, the first outermost, and returns its result', () => {
    const calls: string[] = [];
    const wrapping = (name: string): RunMonitor => ({
      stage: (stage, work) => {
        calls.push(`${name} ${stage.kind} ${stage.time}`);
        const result = work();
        calls.push(`${name} left`);
        return result;
      },
    });
    const result = monitorsOf(wrapping('a'), {}, wrapping('b')).stage(dispatch, () => {
      calls.push('work');
      return 7;
    });
    expect(result).toBe(7);
    expect(calls).toEqual(['a dispatch 1000', 'b dispatch 1000', 'work', 'b left', 'a left']);
  });

  it('passes on what the work throws, and leaves no monitor out for it', () => {
    const ends: StageEnd[] = [];
    const monitors = monitorsOf({
      stage: (stage, work) => {
        stage.onEnd((end) => ends.push(end));
        return work();
      },
    });
    const error = new Error('of the work');
    const fail = () => {
      throw error;
    };
    const errors = unhandled(() => {
      expect(() => monitors.stage(dispatch, fail)).toThrow(error);
      expect(() => monitors.stage(dispatch, fail)).toThrow(error);
    });
    expect(errors).toEqual([]);
    expect(ends).toEqual([
      { startTime: 0, endTime: 0, error },
      { startTime: 0, endTime: 0, error },
    ]);
  });

  it.each<readonly [string, NonNullable<RunMonitor['stage']>]>([
    [
      'throws before the work',
      () => {
        throw new Error('of the monitor');
      },
    ],
    [
      'throws after the work',
      (_, work) => {
        work();
        throw new Error('of the monitor');
      },
    ],
  ])('runs the work once and leaves out a monitor that %s', (_, stage) => {
    let runs = 0;
    let told = 0;
    const monitors = monitorsOf({ stage, completed: () => told++ }, { completed: () => told++ });
    const errors = unhandled(() => {
      expect(monitors.stage(dispatch, () => ++runs)).toBe(1);
      expect(monitors.stage(dispatch, () => ++runs)).toBe(2);
      monitors.tell((monitor) => monitor.completed?.({} as never));
    });
    expect(errors).toEqual([new Error('of the monitor')]);
    expect(told).toBe(1);
  });

  it('runs the work where a monitor does not, and reports that', () => {
    const monitors = monitorsOf({ stage: () => undefined as never });
    const errors = unhandled(() => expect(monitors.stage(dispatch, () => 'done')).toBe('done'));
    expect(errors).toEqual([new TypeError('the stage method of a monitor must call work')]);
  });

  it('runs the work once where a monitor runs it twice', () => {
    let runs = 0;
    const monitors = monitorsOf({
      stage: (_, work) => {
        work();
        return work();
      },
    });
    expect(monitors.stage(dispatch, () => ++runs)).toBe(1);
    expect(runs).toBe(1);
  });

  it('reports a monitor that throws once, and tells the others', () => {
    const told: string[] = [];
    const monitors = monitorsOf(
      {
        ended: () => {
          throw new Error('broken');
        },
      },
      { ended: ({ reason }) => told.push(reason) },
    );
    const errors = unhandled(() => {
      for (let i = 0; i < 2; i++) monitors.tell((monitor) => monitor.ended?.({ reason: 'stopped', at: 1 }));
    });
    expect(errors).toEqual([new Error('broken')]);
    expect(told).toEqual(['stopped', 'stopped']);
  });

  it('reports a monitor whose run throws, and one that ignores the stream is not told', () => {
    const errors = unhandled(() => {
      const broken = {
        run: () => {
          throw new Error('no run');
        },
      };
      new RunMonitors([broken, { run: () => undefined }], stream).tell(() => {
        throw new Error('nobody watches');
      });
    });
    expect(errors).toEqual([new Error('no run')]);
  });

  it('ends an asynchronous stage when its work settles, is left, or fails', async () => {
    const ends: string[] = [];
    const monitors = monitorsOf({
      stage: (stage, work) => {
        stage.onEnd(({ startTime, endTime, error }) => ends.push(`${startTime}-${endTime} ${error ?? 'ok'}`));
        return work();
      },
    });
    expect(await firstValueFrom(monitors.stageOf(dispatch, async () => 'value'))).toBe('value');
    now = 5;
    const left = monitors.stageOf(dispatch, () => NEVER).subscribe();
    now = 8;
    left.unsubscribe();
    monitors.stageOf(dispatch, () => throwError(() => 'bad')).subscribe({ error: () => {} });
    monitors
      .stageOf(dispatch, () => {
        throw 'thrown';
      })
      .subscribe({ error: (error) => ends.push(`told ${error}`) });
    monitors.stageOf(dispatch, () => of(1)).subscribe();
    expect(ends).toEqual(['0-0 ok', '5-8 ok', '8-8 bad', '8-8 thrown', 'told thrown', '8-8 ok']);
  });
});
