import { pathToFileURL } from 'node:url';
import type { MonitoredStream, RunMonitor, StreamSnapshot } from 'dstream';
import { type Dashboard, openDashboard } from '../../src/dashboard/server/dashboard.js';
import { type DashboardOptions, resolveDashboardOptions } from '../../src/dashboard/server/dashboardOptions.js';

/** A board on a free port; `page` is a folder with the files of the page. */
export function testBoard(options: DashboardOptions = {}, page = '/nowhere/'): Promise<Dashboard> {
  return openDashboard(resolveDashboardOptions({ port: 0, ...options }), pathToFileURL(page));
}

/** A stream that does what the test calls. */
export interface ScriptedStream {
  /** Completes a batch of that many records. */
  complete(records?: number): void;
  readonly run: RunMonitor;
}

const interval = 1_000;

/** Subscribes a stream to the board; `partitions` are those of its snapshot. */
export function scriptedStream(
  board: Dashboard,
  name: string,
  partitions: StreamSnapshot['inputs'][string]['partitions'] = [],
  firstTime = interval,
): ScriptedStream {
  let time = firstTime - interval;
  const snapshot = (): StreamSnapshot => ({
    name,
    at: time,
    status: 'running',
    since: 0,
    recovery: undefined,
    attempt: 0,
    interval,
    lastBatch: undefined,
    waiting: 0,
    open: [],
    saving: [],
    inputs: { log: { kind: 'logBatches', partitions, bufferedBytes: 0, rate: undefined, decision: undefined } },
    state: [],
    checkpoint: undefined,
  });
  const stream: MonitoredStream = {
    name,
    attempt: 0,
    interval,
    sources: { log: 'logBatches' },
    checkpoint: undefined,
    now: () => time,
    snapshot,
  };
  const run = board.run(stream);
  if (!run) throw new Error('the board ignores the stream');
  return {
    run,
    complete: (records = 1) => {
      time += interval;
      run.completed?.({
        time,
        interval,
        submissionTime: time,
        processingStartTime: time,
        processingEndTime: time + 5,
        schedulingDelay: 0,
        processingDelay: 5,
        totalDelay: 5,
        fetchDelay: 1,
        dispatchDelay: 1,
        saveDelay: 0,
        records,
        inputs: { log: { records, ranges: [], lag: 0 } },
      });
    },
  };
}
