// What do tasks cost beside one driver that reads the same partitions?
//
//   npm run bench -- tasks [--rounds N] [--intervals N] [--records N]
//
// The same records, in 32 partitions, counted by key in batches of a second: by one driver, and by 32 tasks of one process. In virtual
// time and from memory, so that processor time is that of the library; in turns. Requests are those that a log would receive.
import { parseArgs } from 'node:util';
import { foreachBatch, logBatches, logTasks, mapRecords, memoryLog, type RecordView, reduceByKey } from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { mergeMap, type Observable } from 'rxjs';
import { logLike } from '../test/support/logLike.js';
import { VirtualClock } from '../test/support/virtualClock.js';
import { rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    intervals: { type: 'string', default: '30' },
    records: { type: 'string', default: '1000' },
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
  deserialize: (view: RecordView) => [view.keyText() ?? '', 1] as const,
  stepTimeout: Infinity,
  outputTimeout: Infinity,
} as const;
let counted = 0;
const work = (pairs: Observable<never>) =>
  pairs.pipe(
    mapRecords((pair) => pair as readonly [string, number]),
    reduceByKey((a, b) => a + b),
    foreachBatch((totals) => {
      for (const [, total] of totals) counted += total;
    }),
  );
const contenders = {
  'one driver': () =>
    measured((scheduler, client) => work(logBatches(client, { ...source, scheduler }) as unknown as Observable<never>)),
  '32 tasks': () =>
    measured((scheduler, client) => {
      const group = memoryGroup({ log, scheduler });
      // Keys are in every partition here.
      const tasks = logTasks(client, group, { ...source, keys: 'unchecked', scheduler });
      return tasks.pipe(mergeMap((task) => work(task as unknown as Observable<never>)));
    }),
};
const samples = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
const requests: Record<string, Requests> = {};
for (let round = 0; round <= Number(options.rounds); round++) {
  for (const [name, run] of Object.entries(contenders)) {
    counted = 0;
    const { ms, requests: made } = run();
    if (counted !== partitions * perBatch * intervals) throw new Error(`${name} counted ${counted} records`);
    requests[name] = made;
    // The first round warms up.
    if (round > 0) samples.get(name)?.push(ms / intervals);
  }
}
const rows = [...samples].map(([name, times]) => rowOf(name, times));
const [one, tasks] = rows;
const ratios = { '32 tasks / one driver': (tasks?.median ?? 0) / (one?.median ?? 1) };
console.log(requests);
const unit = 'ms of processor time an interval';
writeResults('tasks', { unit, rows, ratios, requests, partitions, perBatch, intervals });
