import { defer } from 'rxjs';
import type { Key } from '../../../batch/key.js';
import { checkOptions } from '../../../options/checkOptions.js';
import {
  type LogTableOptions,
  logTableChecks,
  readFirst,
  type TableChange,
  tableSourceOptions,
} from '../../log/tableOptions.js';
import type { Source } from '../../source.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { kafkaAccess } from './kafkaAccess.js';
import { type KafkaClientOptions, kafkaClientChecks } from './kafkaClientOptions.js';
import { kafkaSourceOf } from './kafkaSource.js';
import { expiringPolicy } from './topicConfig.js';

/** Options of `kafkaTable`. */
export type KafkaTableOptions<K extends Key, V> = LogTableOptions<K, V> & KafkaClientOptions;

/**
 * A compacted topic of Kafka as a table for `batchesFrom` and `joinTable`: see `logTable`. A topic that is not compacted loses rows when
 * its records expire; that is logged as a warning, with the logger of your client.
 *
 * Source: a `KTable` of Kafka Streams.
 *
 * @throws {InvalidOptionError} if an option is out of its range
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 * @throws {RuntimeClosedError} when `kafka` is a `kafkaRuntime` that is closed
 *
 * @example
 * ```ts no-run
 * import { batchesFrom, foreachBatch, joinTable, json, mapRecords } from 'dstream';
 * import { kafkaSource, kafkaTable } from 'dstream/kafka';
 * import { fileCheckpoint } from 'dstream/node';
 * import { Kafka } from 'kafkajs';
 *
 * const kafka = new Kafka({ brokers: ['localhost:9092'] });
 * const { clicks, users } = batchesFrom(
 *   {
 *     clicks: kafkaSource(kafka, { topics: ['clicks'], start: 'earliest', deserialize: json<{ user: string }>() }),
 *     users: kafkaTable(kafka, { topic: 'users', deserialize: json<{ city: string }>() }),
 *   },
 *   { interval: 1_000, checkpoint: fileCheckpoint('./checkpoint') },
 * );
 * clicks
 *   .pipe(
 *     mapRecords((click) => [click.user, click]),
 *     joinTable(users, { id: 'users' }),
 *     foreachBatch((joined) => console.log(joined)),
 *   )
 *   .subscribe();
 * ```
 *
 * @see {@link joinTable}
 * @see {@link kafkaSource}
 */
export function kafkaTable<V, K extends Key = string>(
  kafka: Kafka | KafkaRuntime,
  options: KafkaTableOptions<K, V>,
): Source<TableChange<K, V>> {
  checkOptions('kafkaTable', options, { ...logTableChecks, ...kafkaClientChecks });
  const access = kafkaAccess(kafka);
  const source = readFirst(kafkaSourceOf('kafkaTable', kafka, tableSourceOptions(options)));
  return {
    ...source,
    open: (setup) =>
      defer(() => {
        void warnUnlessCompacted(access.kafka, options.topic);
        return source.open(setup);
      }),
  };
}

/** Who may not read the configuration of a topic is not warned. */
async function warnUnlessCompacted(kafka: Kafka, topic: string): Promise<void> {
  const policy = await expiringPolicy(kafka, topic);
  if (policy === undefined) return;
  const warning = `kafkaTable: topic "${topic}" is not compacted (cleanup.policy is "${policy}"): rows are lost when their records expire`;
  kafka.logger().warn(warning, { topic });
}
