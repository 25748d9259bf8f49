import { catchError, concat, type OperatorFunction, of } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { FencedError } from '../../batch/errors.js';
import { insideEffect } from '../../batch/insideEffect.js';
import { heldEffects } from '../../operators/base/heldEffects.js';
import { settled } from '../../operators/base/settled.js';
import { checkOptions } from '../../options/checkOptions.js';
import { checkFunction, withMethods } from '../../options/checks.js';
import type { PostgresCheckpoint } from '../../state/postgres/postgresCheckpoint.js';
import type { PostgresQueries } from '../../state/postgres/postgresPool.js';
import { type ForeachBatchOptions, foreachBatchChecks } from '../foreachBatch.js';

/**
 * Output operation with an effect that happens exactly once: `effect` writes in a transaction of PostgreSQL, and the
 * progress and state of the batch are saved in the same one, which is committed when the batch is complete. Whatever
 * crashes, results and progress are both there or both missing.
 *
 * `checkpoint` is the one that the stream uses. `effect` writes with the `query` of its first argument; anything else it
 * does is outside the transaction. Several of these operations in one stream share the transaction of the batch; their statements
 * take turns. The effects of one batch begin when the batch before has been committed, also with `concurrentBatches` of more than 1.
 *
 * Where the server rolls the transaction back because of a deadlock or a serialization failure, all its effects are called again, in
 * another transaction, up to five times for a batch.
 *
 * Takes batches of any records; passes them on unchanged when the effect has settled, before the commit.
 *
 * Source: transactional output of Spark's guide to exactly-once semantics, with the checkpoint in the same transaction.
 *
 * @throws {InvalidOptionError} if `effect` is not a function, or `id` is not a text; as a notification, if the checkpoint is not the one of the
 * stream
 * @throws {CheckpointError} (as a notification) if the transaction cannot be begun or committed
 * @throws {FencedError} (as a notification) if another process has opened the job: nothing of the batch has been written
 * then
 *
 * @example
 * ```ts no-run
 * import { countByValue, string } from 'dstream';
 * import { kafkaBatches } from 'dstream/kafka';
 * import { foreachBatchInTransaction, postgresCheckpoint } from 'dstream/node';
 * import { Kafka } from 'kafkajs';
 * import { Pool } from 'pg';
 *
 * const checkpoint = postgresCheckpoint(new Pool({ connectionString: 'postgres://localhost/shop' }), { job: 'words' });
 * const upsert = `insert into words (word, count) select * from unnest($1::text[], $2::int[])
 *   on conflict (word) do update set count = words.count + excluded.count`;
 * kafkaBatches(new Kafka({ brokers: ['localhost:9092'] }), {
 *   topics: ['words'],
 *   start: 'earliest',
 *   interval: 1_000,
 *   deserialize: string(),
 *   checkpoint,
 * })
 *   .pipe(
 *     countByValue(),
 *     foreachBatchInTransaction(checkpoint, (transaction, counts) =>
 *       transaction.query(upsert, [counts.map(([word]) => word), counts.map(([, count]) => count)]),
 *     ),
 *   )
 *   .subscribe();
 * ```
 *
 * @see {@link foreachPartitionOnce}
 * @see {@link foreachBatch}
 * @see {@link postgresCheckpoint}
 */
export function foreachBatchInTransaction<T>(
  checkpoint: PostgresCheckpoint,
  effect: (transaction: PostgresQueries, records: readonly T[], context: BatchContext) => unknown,
  options: ForeachBatchOptions = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  withMethods('inTransaction', 'wasFenced')('foreachBatchInTransaction', 'checkpoint', checkpoint);
  checkFunction('foreachBatchInTransaction', 'effect', effect);
  checkOptions('foreachBatchInTransaction', options, foreachBatchChecks);
  const run = (batch: Batch<T>) => {
    const { context, records } = batch;
    const write = (transaction: PostgresQueries) =>
      settled(() => insideEffect(context, () => effect(transaction, records, context)));
    const written = checkpoint.inTransaction(context.time, write).pipe(
      // The server closes the transaction of a process that was stopped for long: then the cause is the fencing.
      catchError(async (error: unknown) => {
        throw (await checkpoint.wasFenced()) ? new FencedError(checkpoint.location) : error;
      }),
    );
    return concat(written, of(batch));
  };
  return heldEffects(run, true, { operator: 'foreachBatchInTransaction', id: options.id });
}
