import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { foreachBatch, fromBatches, type MonitoredStream, receiverBatches } from 'dstream';
import { lastValueFrom, of, throwError } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { diagnosticsMonitor } from '../../../src/driver/monitoring/diagnosticsMonitor.js';
import { virtual } from '../../support/virtual.js';

interface Published {
  readonly stream: MonitoredStream;
  readonly event: Readonly<Record<string, unknown>>;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function subscribeTo(name: string, listener: (message: Published) => void): void {
  const on = (message: unknown) => listener(message as Published);
  channel(name).subscribe(on);
  cleanups.push(() => channel(name).unsubscribe(on));
}

describe('the channels of node:diagnostics_channel', () => {
  it('have what monitors receive', () => {
    const lines: string[] = [];
    for (const name of ['status', 'planned', 'read', 'completed', 'ended']) {
      subscribeTo(`dstream:${name}`, ({ stream, event }) => {
        lines.push(`${stream.name} ${name} ${event.status ?? event.time ?? event.reason}`);
      });
    }
    virtual(() => {
      fromBatches([['a']], { interval: 10, name: 'letters' })
        .pipe(foreachBatch(() => {}))
        .subscribe();
    });
    expect(lines).toEqual([
      'letters status connecting',
      'letters status running',
      'letters planned 10',
      'letters read 10',
      'letters completed 10',
      'letters status stopped',
      'letters ended completed',
    ]);
  });

  it('have the failure of a stream', () => {
    const failures: unknown[] = [];
    subscribeTo('dstream:failed', ({ event: { stage, operator, error } }) => failures.push([stage, operator, error]));
    virtual(() => {
      fromBatches([['a']], { interval: 10 })
        .pipe(foreachBatch(() => throwError(() => 'no')))
        .subscribe({ error: () => {} });
    });
    expect(failures).toEqual([['effect', 'foreachBatch', 'no']]);
  });

  it('have the status of receivers, and that a stream starts again by itself', () => {
    const lines: string[] = [];
    subscribeTo('dstream:receiver', ({ event: { state, error } }) => lines.push(`receiver ${state} ${error ?? ''}`));
    subscribeTo('dstream:restarting', ({ event: { attempt, delay } }) => lines.push(`restarting ${attempt} ${delay}`));
    let failures = 1;
    virtual((scheduler) => {
      const subscription = receiverBatches<string>(({ store }) => void store('a'), {
        interval: 10,
        retry: { delay: 5 },
      })
        .pipe(foreachBatch(() => (failures-- > 0 ? throwError(() => 'no') : of(0))))
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 30);
    });
    expect(lines).toEqual(expect.arrayContaining(['receiver connecting ', 'receiver running ', 'restarting 1 5']));
  });

  it('make a store that is bound to the stages that of the function and of what it starts', async () => {
    const stages = tracingChannel('dstream:stage');
    const store = new AsyncLocalStorage<string>();
    const ended: string[] = [];
    const name = (message: unknown) => {
      const { stage } = message as { stage: { kind: string; operator?: string } };
      return stage.operator ?? stage.kind;
    };
    stages.start.bindStore(store, name);
    const onEnd = (message: unknown) => ended.push(name(message));
    stages.asyncEnd.subscribe(onEnd);
    cleanups.push(() => {
      stages.start.unbindStore(store);
      stages.asyncEnd.unsubscribe(onEnd);
    });
    const seen: (string | undefined)[] = [];
    const effect = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(store.getStore());
    };
    await lastValueFrom(fromBatches([['a']], { interval: 1 }).pipe(foreachBatch(effect)));
    expect(seen).toEqual(['foreachBatch']);
    expect(ended).toEqual(['dispatch', 'foreachBatch', 'save', 'commit']);
  });

  it('cost nothing while nobody subscribes: there is no monitor', () => {
    expect(diagnosticsMonitor()).toBeUndefined();
    subscribeTo('dstream:completed', () => {});
    expect(diagnosticsMonitor()).toBeDefined();
  });
});
