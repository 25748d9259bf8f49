// One contender of bench/tasks.bench.ts, in virtual time: node child.mjs SETUP
import { logBatches, logTasks } from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { mergeMap } from 'rxjs';
import { VirtualClock } from '../../test/support/virtualClock.js';
import { counting, toPair } from './counting.js';
import { endlessLog, type Requests } from './endlessLog.js';
import { interval, partitions } from './topic.js';

/** What a contender does. */
export interface ChildSetup {
  readonly kind: 'driver' | 'tasks';
  /** Of a partition, in an interval. */
  readonly records: number;
  /** What the map costs, in turns of a loop for each record. */
  readonly turns: number;
  /** Intervals before those that are measured. */
  readonly warmUp: number;
  readonly intervals: number;
}

/** What an interval took: processor time in ms, and requests. */
export interface ChildSample {
  readonly ms: number;
  readonly requests: Requests;
}

const { kind, records, turns, warmUp, intervals }: ChildSetup = JSON.parse(process.argv[2] ?? '{}');
const clock = new VirtualClock();
const log = endlessLog(records, () => clock.now());
const counted = counting(turns, () => clock.now() > warmUp * interval);
const source = {
  topics: ['flights'],
  groupId: 'bench',
  start: 'earliest',
  interval,
  scheduler: clock,
  deserialize: toPair,
} as const;
const running =
  kind === 'driver'
    ? counted.work(logBatches(log, source))
    : logTasks(log, memoryGroup({ log, scheduler: clock }), source).pipe(mergeMap((task) => counted.work(task)));
const subscription = running.subscribe({
  error: (error) => {
    throw error;
  },
});
const now = () => ({ ...log.requests, cpu: process.cpuUsage(), records: counted.records() });
let from = now();
// Between two ticks.
clock.schedule(
  () => {
    from = now();
  },
  (warmUp + 0.5) * interval,
);
clock.schedule(
  () => {
    subscription.unsubscribe();
    const until = now();
    const { user, system } = process.cpuUsage(from.cpu);
    const expected = partitions * records * intervals;
    const found = until.records - from.records;
    if (found !== expected) throw new Error(`counted ${found} records, not ${expected}`);
    const per = (name: keyof Requests) => (until[name] - from[name]) / intervals;
    const requests = { offsets: per('offsets'), fetch: per('fetch'), commit: per('commit') };
    console.log(JSON.stringify({ ms: (user + system) / 1_000 / intervals, requests } satisfies ChildSample));
  },
  (warmUp + intervals + 0.5) * interval,
);
clock.flush();
