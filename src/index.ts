// The core: everything here runs in a browser as well as in Node.
export type { BatchFormation, InFlightBatch } from './backpressure/batchFormation.js';
export { type CostModelOptions, costModel } from './backpressure/costModel.js';
export {
  type DynamicInterval,
  type DynamicIntervalOptions,
  dynamicInterval,
  type IntervalSample,
} from './backpressure/dynamicInterval.js';
export { fixedRate } from './backpressure/fixedRate.js';
export { type PidControllerOptions, pid } from './backpressure/pid.js';
export {
  type PidOptions,
  type PidRateEstimator,
  type PidRateEstimatorOptions,
  pidRateEstimator,
} from './backpressure/pidRateEstimator.js';

export type { RateController, RateControllerFactory, RateControllerSetup } from './backpressure/rateController.js';
export type { RateDecisionOptions } from './backpressure/rateDecisionOptions.js';
export { type RateLimiter, type RateLimiterOptions, rateLimiter } from './backpressure/rateLimiter.js';
export type { RateSharing } from './backpressure/shareRecords.js';
export { Batch } from './batch/batch.js';
export type { BatchContext, BatchRun } from './batch/batchContext.js';
export type {
  BatchInfo,
  EventTimeCounts,
  InputInfo,
  PartitionProgress,
  SkipReason,
} from './batch/batchInfo.js';
export type { BatchState, PublishedState, StateDescription } from './batch/batchState.js';
export type { CommittedState } from './batch/committedState.js';
export type { DeadLetter, DeadLetterObserver } from './batch/deadLetters.js';
export {
  AbandonedBatchError,
  AuthenticationError,
  AuthorizationError,
  CertificateError,
  ConnectionError,
  DeserializationError,
  DStreamError,
  type DStreamErrorCode,
  DuplicateIdError,
  FencedError,
  ForeignClusterError,
  ForeignKeyError,
  ForeignStreamError,
  IncompatibleStateError,
  InvalidOptionError,
  InvalidRecordError,
  InvalidStateError,
  LateBatchError,
  LateHoldError,
  MalformedRecordError,
  MissingEventTimeError,
  MissingIdError,
  OffsetOutOfRangeError,
  OffsetTooLargeError,
  type OutOfRangeReason,
  PartitionFailedError,
  PartitionsChangedError,
  ProcessEndedError,
  ProtocolError,
  QueueOverflowError,
  ReceiverError,
  RecordTooLargeError,
  RuntimeClosedError,
  StateClosedError,
  SubscribedTaskError,
  ThreadExitedError,
  TimedOutError,
  TooManyErrorsError,
  UnclaimedBatchError,
  UncloneableRecordError,
  UnknownTopicError,
  UnsupportedClientError,
  UnsupportedCodecError,
} from './batch/errors.js';
export type { LateReason } from './batch/eventTime.js';
export type { EventTimeProgress, PartitionEventTime } from './batch/eventTimeProgress.js';
export type { GroupMembership } from './batch/groupMembership.js';
export type { BatchWaiter, Hold, LastAct } from './batch/hold.js';
export type { Key, Pair } from './batch/key.js';
export type { KeyedState } from './batch/keyedState.js';
export type { EffectDescription, EffectRunner } from './batch/monitoring/effectRunner.js';
export type { GroupEvent } from './batch/monitoring/groupEvent.js';
export type { GroupMonitor } from './batch/monitoring/groupMonitor.js';
export type {
  BatchFailure,
  BatchPlanned,
  BatchRead,
  FetchEvent,
  LogSynced,
  PartitionRetried,
  PlannedInput,
  RecordsDeadLettered,
  RecordsSent,
  StreamEnd,
  StreamRestart,
} from './batch/monitoring/monitorEvents.js';
export type { ReceiverInfo, ReceiverState, ReceiverStatus } from './batch/monitoring/receiverStatus.js';
export type { FailureStage, Stage, StageEnd, StageKind } from './batch/monitoring/stage.js';
export type { MonitoredStream, RunMonitor, StreamMonitor } from './batch/monitoring/streamMonitor.js';
export type {
  BatchSnapshot,
  CheckpointSnapshot,
  InputSnapshot,
  PartitionSnapshot,
  ReceiverSnapshot,
  SharedBytes,
  SourceClient,
  SourceSnapshot,
  StateSnapshot,
  StreamSnapshot,
} from './batch/monitoring/streamSnapshot.js';
export type { StatusChange, StatusTrigger, StreamStatus } from './batch/monitoring/streamStatus.js';
export type { OffsetRange } from './batch/offsetRange.js';
export type { NothingInferred, PairLike, PairOf, TupleHint } from './batch/pairOf.js';
export type { Partition } from './batch/partition.js';
export type {
  DecisionInputs,
  LearnedCost,
  MeasuredBatch,
  RateDecision,
  RateRule,
  RateWarning,
} from './batch/rateDecision.js';
export type { BatchOfRecords, FailedRecord, RecordErrors, RecordOrigin } from './batch/recordErrors.js';
export { type SideOutput, sideOutput } from './batch/sideOutput.js';
export type { TaskInfo } from './batch/taskInfo.js';
export type { TopicPartition, TopicPartitionOffset } from './batch/topicPartition.js';
export type { UnavailablePartition } from './batch/unavailablePartition.js';
export { type BatchStreams, batchesFrom, type RecordOf } from './driver/batchesFrom.js';
export { BatchStream } from './driver/batchStream.js';
export type { DriverOptions } from './driver/driverOptions.js';
export type { OnBatchError } from './driver/failingBatches.js';
export type { RetryOptions } from './driver/retryOptions.js';
export type { StopOptions, StopReport } from './driver/stopReport.js';
export { type Health, type HealthOptions, type HealthReport, health, type StreamHealth } from './monitors/health.js';
export { healthHandler } from './monitors/healthHandler.js';
export {
  type LogEvent,
  type Logger,
  type LogMethod,
  type LogMonitorOptions,
  logMonitor,
} from './monitors/logMonitor.js';
export { aggregateByEventWindow } from './operators/aggregateByEventWindow.js';
export { aggregateByKey } from './operators/aggregateByKey.js';
export { aggregateByKeyAndEventWindow } from './operators/aggregateByKeyAndEventWindow.js';
export { type AggregateByKeyAndWindowOptions, aggregateByKeyAndWindow } from './operators/aggregateByKeyAndWindow.js';
export { aggregateByWindow } from './operators/aggregateByWindow.js';
export type { AggregateWindowOptions } from './operators/aggregatorOptions.js';
export { type AsOfJoinKind, type AsOfJoinOptions, type AsOfMatch, asOfJoin } from './operators/asOfJoin.js';
export type { QueryableOption } from './operators/base/queryableOption.js';
export type { WaitingRecord } from './operators/base/waitingRecord.js';
export { cogroup } from './operators/cogroup.js';
export { type AsyncRecords, type ConcatMapBatchOptions, concatMapBatch } from './operators/concatMapBatch.js';
export { countBatch } from './operators/countBatch.js';
export { countByValue } from './operators/countByValue.js';
export { countByValueAndWindow } from './operators/countByValueAndWindow.js';
export { countByWindow } from './operators/countByWindow.js';
export { countDistinctByWindow } from './operators/countDistinctByWindow.js';
export { type DeduplicateOptions, deduplicate, type ForgottenIds } from './operators/deduplicate.js';
export { type DeduplicateByEventTimeOptions, deduplicateByEventTime } from './operators/deduplicateByEventTime.js';
export {
  type EmittedSession,
  type EventSessionWindowOptions,
  eventSessionWindow,
  type SessionEmit,
  type SessionUpdate,
} from './operators/eventSessionWindow.js';
export {
  type EventTimeOptions,
  eventTime,
  type InvalidTime,
} from './operators/eventTime.js';
export type {
  EmittedWindow,
  EventWindowOptions,
  LateRecord,
  WindowEmit,
  WindowResult,
  WindowUpdate,
} from './operators/eventWindowOptions.js';
export { filterBatches } from './operators/filterBatches.js';
export { filterRecords } from './operators/filterRecords.js';
export { flatMapRecords } from './operators/flatMapRecords.js';
export { flatMapValues } from './operators/flatMapValues.js';
export { fullOuterJoin } from './operators/fullOuterJoin.js';
export { glom } from './operators/glom.js';
export { groupByKey } from './operators/groupByKey.js';
export { groupByKeyAndEventWindow } from './operators/groupByKeyAndEventWindow.js';
export { groupByKeyAndWindow } from './operators/groupByKeyAndWindow.js';
export {
  type IntervalJoinKind,
  type IntervalJoinOptions,
  type IntervalMatch,
  intervalJoin,
} from './operators/intervalJoin.js';
export { join } from './operators/join.js';
export { type Joined, type JoinTableOptions, joinTable } from './operators/joinTable.js';
export { leftOuterJoin } from './operators/leftOuterJoin.js';
export { type DroppedValue, type LimitRateOptions, limitRate } from './operators/limitRate.js';
export { mapPartitions } from './operators/mapPartitions.js';
export { mapRecords } from './operators/mapRecords.js';
export { mapValues } from './operators/mapValues.js';
export { type MapWithStateOptions, mapWithState } from './operators/mapWithState.js';
export { partitionBy } from './operators/partitionBy.js';
export { reduceBatch } from './operators/reduceBatch.js';
export { reduceByKey } from './operators/reduceByKey.js';
export {
  type ReduceByKeyAndEventWindowOptions,
  reduceByKeyAndEventWindow,
} from './operators/reduceByKeyAndEventWindow.js';
export { type ReduceByKeyAndWindowOptions, reduceByKeyAndWindow } from './operators/reduceByKeyAndWindow.js';
export { type ReduceByWindowOptions, reduceByWindow } from './operators/reduceByWindow.js';
export { repartition } from './operators/repartition.js';
export { rightOuterJoin } from './operators/rightOuterJoin.js';
export { type RunningReduceOptions, runningReduce } from './operators/runningReduce.js';
export { type Session, type SessionWindowOptions, sessionWindow } from './operators/sessionWindow.js';
export type { StateHandle } from './operators/stateHandle.js';
export { transformBatch } from './operators/transformBatch.js';
export { transformBatches } from './operators/transformBatches.js';
export { unionBatches } from './operators/unionBatches.js';
export { type StateUpdate, type UpdateStateByKeyOptions, updateStateByKey } from './operators/updateStateByKey.js';
export { window } from './operators/window.js';
export { type WindowByCountOptions, windowByCount } from './operators/windowByCount.js';
export type { WindowOptions } from './operators/windowOptions.js';
export { type ForeachBatchOptions, foreachBatch } from './outputs/foreachBatch.js';
export {
  type DeadLetters,
  type FailedPartition,
  type ForeachPartitionOptions,
  foreachPartition,
  type PartitionContext,
  type PartitionRetry,
  type SkippedPartitions,
} from './outputs/foreachPartition.js';
export { type ForeachPartitionOnceOptions, foreachPartitionOnce } from './outputs/foreachPartitionOnce.js';
export { type PrintBatchesOptions, printBatches } from './outputs/printBatches.js';
export { kafkaPartitioner, type Partitioner } from './partitioning/kafkaPartitioner.js';
export { batchesSource } from './sources/batchesSource.js';
export { type FromBatchesOptions, fromBatches } from './sources/fromBatches.js';
export type { BatchesSourceOptions } from './sources/givenBatches.js';
export type {
  GroupAssignment,
  GroupClient,
  GroupSubscription,
  JoinAnswer,
  JoinedMember,
  JoinRequest,
} from './sources/group/groupClient.js';
export type { MembershipOptions } from './sources/group/membershipOptions.js';
export type { StandbyClaims, TaskCopy } from './sources/group/taskCopies.js';
export { bytes } from './sources/log/bytes.js';
export { type JsonOptions, json } from './sources/log/json.js';
export { type LogBatchesOptions, logBatches } from './sources/log/logBatches.js';
export type {
  FetchedPartition,
  FetchOptions,
  FetchRequest,
  LogClient,
  LogOffset,
  LogPartition,
  LogPoint,
  OffsetsOptions,
} from './sources/log/logClient.js';
export { logSource } from './sources/log/logSource.js';
export type { InvalidRecord, LogSourceOptions } from './sources/log/logSourceOptions.js';
export { logTable } from './sources/log/logTable.js';
export { MemoryLog, type MemoryLogOptions, memoryLog, type NewRecord } from './sources/log/memoryLog.js';
export type { EpochStart, RecordReader, RetainedRecords } from './sources/log/recordReader.js';
export type { RecordHeader, RecordView } from './sources/log/recordView.js';
export type {
  StandardSchema,
  StandardSchemaFailure,
  StandardSchemaIssue,
  StandardSchemaOutput,
  StandardSchemaResult,
  StandardSchemaSuccess,
} from './sources/log/standardSchema.js';
export { string } from './sources/log/string.js';
export type { LogTableOptions, TableChange } from './sources/log/tableOptions.js';
export { type Acknowledgeable, type AcknowledgedOptions, acknowledged } from './sources/receiver/acknowledged.js';
export { memoryWriteAheadLog } from './sources/receiver/memoryWriteAheadLog.js';
export type { AcknowledgedSource, Receiver, ReceiverSink, StreamedRecords } from './sources/receiver/receiver.js';
export { type ReceiverBatchesOptions, receiverBatches } from './sources/receiver/receiverBatches.js';
export type {
  IgnoredRecords,
  IgnoreOptions,
  ReceiverRestart,
  ReceiverSourceOptions,
  StorageLevel,
} from './sources/receiver/receiverOptions.js';
export { receiverSource } from './sources/receiver/receiverSource.js';
export type { RestartOptions } from './sources/receiver/restartPolicy.js';
export type {
  Block,
  BlockPositions,
  ReadBlock,
  StoredBlock,
  WriteAheadLog,
  WriteAheadLogRequest,
  WriteAheadLogSession,
} from './sources/receiver/writeAheadLog.js';
export type {
  FailedDecoding,
  Fetched,
  Narrow,
  Plan,
  PlanLimits,
  PlanRequest,
  Source,
  SourceRun,
  SourceSetup,
  SourceStatus,
} from './sources/source.js';
export { type TableFromOptions, tableFrom } from './sources/tableFrom.js';
export { type GroupClients, logTasks } from './sources/tasks/logTasks.js';
export { logTasksFrom } from './sources/tasks/logTasksFrom.js';
export type { SourcesTask, TaskRecord, TaskSourceOptions, TaskSources } from './sources/tasks/sourcesTask.js';
export type { Task } from './sources/tasks/task.js';
export type { TaskReports } from './sources/tasks/taskHost.js';
export type { JobTasksOptions, LogTasksOptions, TaskOptions } from './sources/tasks/taskOptions.js';
export type { TaskStream } from './sources/tasks/taskStream.js';
export type {
  Checkpoint,
  CheckpointCopies,
  CheckpointOpener,
  CheckpointSession,
  CheckpointUsage,
  CopyLook,
  LiveState,
  OpenOptions,
  PlannedBatch,
  PlannedRange,
  Positions,
  RestoredCheckpoint,
  RestoredState,
  SavedBatch,
  StateChange,
  StateRequest,
} from './state/checkpoint.js';
export type { Damage, Salvage } from './state/damage.js';
export { memoryCheckpoint } from './state/memoryCheckpoint.js';
export { type QueryableState, queryable } from './state/queryable.js';
export { type QueriedState, type QueryHandlerOptions, queryHandler } from './state/queryHandler.js';
export type { Orphans } from './state/stateRegistry.js';
export type { Aggregator } from './windows/aggregator.js';
export type { InvertibleAggregator } from './windows/invertibleAggregator.js';
