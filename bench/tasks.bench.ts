// What do tasks cost beside one driver that reads the same partitions?
//
//   npm run bench -- tasks [--rounds N] [--intervals N] [--records N] [--costs 0,5]
//
// The same records, in 32 partitions, counted by key in batches of a second, without more work and with a map of 5 microseconds a record: by
// one driver, and by 32 tasks of one process. In virtual time and from memory, so that processor time is that of the library; in turns.
// Requests are those that a log would receive. A task costs about the same for each batch, whatever its size.
import { parseArgs } from 'node:util';
import {
  type Batch,
  foreachBatch,
  logBatches,
  logTasks,
  mapRecords,
  memoryLog,
  type Pair,
  type RecordView,
  reduceByKey,
} from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { mergeMap, type Observable } from 'rxjs';
import { logLike } from '../test/support/logLike.js';
import { VirtualClock } from '../test/support/virtualClock.js';
import { rowOf, writeResults } from './report.js';
import { costed, turnsPerMicrosecond } from './threads/costed.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    intervals: { type: 'string', default: '30' },
    records: { type: 'string', default: '1000' },
    costs: { type: 'string', default: '0,5' },
  },
});
const partitions = 32;
const interval = 1_000;
const perBatch = Number(options.records);
const intervals = Number(options.intervals);
const value = 'x'.repeat(100);
const log = memoryLog({ topics: { flights: partitions } });
for (let partition = 0; partition < partitions; partition++) {
  const records = Array.from({ length: perBatch * intervals }, (_, i) => ({ key: `key${i % 200}`, value, partition }));
  log.append('flights', records);
}

type Requests = Record<'offsets' | 'fetch' | 'commit', number>;

/** Reads everything, and returns the processor time in ms and the requests for each batch time. */
function measured(run: (clock: VirtualClock, counted: ReturnType<typeof logLike>) => Observable<unknown>) {
  const requests: Requests = { offsets: 0, fetch: 0, commit: 0 };
  const counted = logLike(log, {
    offsets: (places, point) => {
      requests.offsets++;
      return log.offsets(places, point);
    },
    fetch: (wants, how) => {
      requests.fetch++;
      return log.fetch(wants, how);
    },
    commit: () => {
      requests.commit++;
      return [];
    },
  });
  const clock = new VirtualClock();
  const before = process.cpuUsage();
  const running = run(clock, counted).subscribe({
    error: (error) => {
      throw error;
    },
  });
  clock.schedule(() => running.unsubscribe(), (intervals + 2) * interval);
  clock.flush();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1_000, requests };
}

const source = {
  topics: ['flights'],
  groupId: 'bench',
  start: 'earliest',
  interval,
  maxRatePerPartition: perBatch,
  deserialize: (view: RecordView): Pair<string, number> => [view.keyText() ?? '', 1],
  stepTimeout: Infinity,
  outputTimeout: Infinity,
} as const;
let counted = 0;
const perMicrosecond = turnsPerMicrosecond();
type Pairs = Observable<Batch<Pair<string, number>>>;
const workOf = (cost: number) => {
  const map = costed(Math.round(cost * perMicrosecond));
  return (pairs: Pairs) =>
    pairs.pipe(
      // What it returns is below 2 ** 31.
      mapRecords(([key, one]): Pair<string, number> => (cost > 0 && map(key) === 2 ** 31 ? [key, 0] : [key, one])),
      reduceByKey((a, b) => a + b),
      foreachBatch((totals) => {
        for (const [, total] of totals) counted += total;
      }),
    );
};
const costs = options.costs.split(',').map(Number);
const nameOf = (contender: string, cost: number) => (cost > 0 ? `${contender}, ${cost} µs a record` : contender);
const contenders = costs.flatMap((cost) => {
  const work = workOf(cost);
  const driver = () => measured((scheduler, client) => work(logBatches(client, { ...source, scheduler })));
  const tasks = () =>
    measured((scheduler, client) => {
      const group = memoryGroup({ log, scheduler });
      // Keys are in every partition here.
      return logTasks(client, group, { ...source, keys: 'unchecked', scheduler }).pipe(mergeMap((task) => work(task)));
    });
  return [
    [nameOf('one driver', cost), driver],
    [nameOf('32 tasks', cost), tasks],
  ] as const;
});
const samples = new Map(contenders.map(([name]) => [name, [] as number[]]));
const requests: Record<string, Requests> = {};
for (let round = 0; round <= Number(options.rounds); round++) {
  for (const [name, run] of contenders) {
    counted = 0;
    const { ms, requests: made } = run();
    if (counted !== partitions * perBatch * intervals) throw new Error(`${name} counted ${counted} records`);
    requests[name] = made;
    // The first round warms up.
    if (round > 0) samples.get(name)?.push(ms / intervals);
  }
}
const rows = [...samples].map(([name, times]) => rowOf(name, times));
const medianOf = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
const ratios = Object.fromEntries(
  costs.flatMap((cost) => {
    const [driver, tasks] = [medianOf(nameOf('one driver', cost)), medianOf(nameOf('32 tasks', cost))];
    return [
      [`${nameOf('32 tasks', cost)} / one driver`, tasks / driver],
      [`${nameOf('more for each task', cost)}, ms a batch`, (tasks - driver) / partitions],
    ];
  }),
);
console.log(requests);
const unit = 'ms of processor time an interval';
writeResults('tasks', { unit, rows, ratios, requests, partitions, perBatch, intervals });
