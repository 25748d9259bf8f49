import type * as core from 'dstream';
import type * as aggregators from 'dstream/aggregators';
import type * as kafka from 'dstream/kafka';
import type * as node from 'dstream/node';
import type * as opentelemetry from 'dstream/opentelemetry';
import type * as testing from 'dstream/testing';
import type * as workers from 'dstream/workers';

// Under exactOptionalPropertyTypes `{ groupId: process.env.GROUP }` is refused where an option may only be left out. Each option that may be
// left out may be `undefined` too. Nothing here runs: the compiler is the test (npm run types). undefinedOptions.test.ts finds what is missing
// in the list.

/** The names of the options that may be left out, and may not be `undefined`. */
type Refusing<O> = {
  [Name in keyof O]-?: object extends Pick<O, Name>
    ? { readonly [N in Name]: undefined } extends Pick<O, Name>
      ? never
      : Name
    : never;
}[keyof O];

/** Of each type the names that it refuses: `never` for all. */
type RefusingOf<All extends readonly unknown[]> = { [I in keyof All]: Refusing<All[I]> }[number];

const refused: RefusingOf<
  [
    core.AcknowledgedOptions<never, never>,
    core.AggregateByKeyAndWindowOptions<never, never, never>,
    core.AggregateWindowOptions,
    core.AsOfJoinOptions<never, never, never, never>,
    core.BatchesSourceOptions,
    core.ConcatMapBatchOptions,
    core.CostModelOptions,
    core.DeduplicateByEventTimeOptions<never>,
    core.DeduplicateOptions,
    core.DriverOptions,
    core.DynamicIntervalOptions,
    core.EventSessionWindowOptions<never>,
    core.EventTimeOptions<never>,
    core.EventWindowOptions<never>,
    core.FetchOptions,
    core.ForeachBatchOptions,
    core.ForeachPartitionOnceOptions<never>,
    core.ForeachPartitionOptions<never>,
    core.FromBatchesOptions,
    core.HealthOptions,
    core.IgnoreOptions,
    core.IntervalJoinOptions<never, never, never, never>,
    core.JobTasksOptions,
    core.JoinTableOptions<never, never, never>,
    core.JsonOptions,
    core.LimitRateOptions,
    core.LogBatchesOptions<never>,
    core.LogMonitorOptions,
    core.LogSourceOptions<never>,
    core.LogTableOptions<never, never>,
    core.LogTasksOptions<never>,
    core.MapWithStateOptions<never, never>,
    core.MembershipOptions,
    core.MemoryLogOptions,
    core.OffsetsOptions,
    core.OpenOptions,
    core.PidControllerOptions,
    core.PidOptions,
    core.PidRateEstimatorOptions,
    core.PrintBatchesOptions<never>,
    core.QueryHandlerOptions,
    core.RateDecisionOptions,
    core.RateLimiterOptions,
    core.ReceiverBatchesOptions,
    core.ReceiverSourceOptions,
    core.ReduceByKeyAndEventWindowOptions<never, never>,
    core.ReduceByKeyAndWindowOptions<never, never>,
    core.ReduceByWindowOptions<never>,
    core.RestartOptions,
    core.RetryOptions,
    core.RunningReduceOptions<never>,
    core.SessionWindowOptions,
    core.StopOptions,
    core.TableFromOptions,
    core.TaskOptions,
    core.TaskSourceOptions<never>,
    core.UpdateStateByKeyOptions<never, never>,
    core.WindowByCountOptions,
    core.WindowOptions,
    aggregators.ApproximateDistinctOptions,
    aggregators.QuantilesOptions,
    aggregators.VarianceOptions,
    kafka.DeadLetterTopicOptions,
    kafka.ExclusiveOptions,
    kafka.KafkaBatchesOptions<never>,
    kafka.KafkaCheckpointOptions,
    kafka.StandbyOptions,
    kafka.KafkaClientOptions,
    kafka.KafkaReceiverOptions<never>,
    kafka.KafkaRuntimeOptions,
    kafka.KafkaSourceOptions<never>,
    kafka.KafkaTableOptions<never, never>,
    kafka.KafkaTasksFromOptions,
    kafka.KafkaTasksOptions<never>,
    kafka.MergeOptions,
    kafka.MergeTasksOptions<never>,
    kafka.MergeWriteOptions,
    kafka.SendInTransactionOptions,
    kafka.SendToKafkaOptions,
    kafka.ShuffleTopicOptions<unknown>,
    kafka.ShuffleWriteOptions,
    node.CsvOptions<never>,
    node.DashboardOptions,
    node.ExportLogOptions,
    node.ExportOptions,
    node.FileBlockStoreOptions,
    node.FileCheckpointOptions,
    node.FileReceiverOptions<never>,
    node.FileWriteAheadLogOptions,
    node.HttpReceiverOptions,
    node.ImportOptions,
    node.IntegrityOptions,
    node.LmdbCheckpointOptions,
    node.PostgresCheckpointOptions,
    node.ProcessReceiverOptions<never>,
    node.SaveAsTextFilesOptions,
    node.SaveFilesOptions,
    node.SplitOptions,
    node.SseReceiverOptions<never>,
    node.TakeoverOptions,
    node.TcpReceiverOptions<never>,
    node.WebSocketReceiverOptions<never>,
    opentelemetry.OpentelemetryMonitorOptions,
    testing.MemoryGroupOptions,
    testing.RunBatchesOptions,
    workers.HedgeOptions,
    workers.MapPartitionsInThreadsOptions,
    workers.RunInThreadsOptions,
    workers.ThreadRetryOptions,
  ]
>[] = [];

/** Compiles when it is `never`. */
export const none: readonly never[] = refused;

/** It finds one. */
export const found: Refusing<{ readonly a?: number; readonly b?: number | undefined; readonly c: number }> = 'a';
