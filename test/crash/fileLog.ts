import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LogClient, memoryLog, type TopicPartitionOffset } from 'dstream';
import { defer, EMPTY, from, tap } from 'rxjs';
import { die, failpoint, isDue } from '../../src/storage/failpoint.js';
import { type Event, eventsOf, partitions, topic } from './records.js';

/** Writes the log once, for all lives: a file for each partition. */
export function writeLog(directory: string): void {
  for (let partition = 0; partition < partitions; partition++) {
    const lines = eventsOf(partition).map((event) => `${JSON.stringify(event)}\n`);
    writeFileSync(join(directory, `${partition}.jsonl`), lines.join(''));
  }
}

/** The log, read from its files, and a file with the offsets that the group has committed. */
export function fileLog(directory: string, offsetsFile: string): LogClient {
  const log = memoryLog({ topics: { [topic]: partitions } });
  for (let partition = 0; partition < partitions; partition++) {
    const lines = readFileSync(join(directory, `${partition}.jsonl`), 'utf8')
      .trimEnd()
      .split('\n');
    const records = lines.map((value) => ({ value, partition, timestamp: (JSON.parse(value) as Event).at }));
    log.append(topic, records);
  }
  const committed = new Map<number, TopicPartitionOffset>();
  return {
    name: 'log files',
    connect: () => log.connect(),
    partitions: (topics) => log.partitions(topics),
    offsets: (of, point) => log.offsets(of, point),
    // A restart goes by the checkpoint alone.
    committed: () => [[]],
    fetch: (requests, options) =>
      defer(() => {
        failpoint('fetch:before');
        return from(log.fetch(requests, options));
      }).pipe(tap(() => failpoint('fetch:after'))),
    commit: (_, positions) => {
      for (const position of positions) committed.set(position.partition, position);
      const text = JSON.stringify([...committed.values()]);
      if (isDue('commit:torn')) {
        writeFileSync(`${offsetsFile}.tmp`, text.slice(0, text.length >> 1));
        die();
      }
      writeFileSync(`${offsetsFile}.tmp`, text);
      renameSync(`${offsetsFile}.tmp`, offsetsFile);
      failpoint('commit:after');
      return EMPTY;
    },
    close: () => log.close(),
  };
}
