import type { EventTimeCounts } from '../../batch/batchInfo.js';
import { codeOf } from '../../batch/monitoring/codeOf.js';
import type { BatchPlanned } from '../../batch/monitoring/monitorEvents.js';
import type { InputSnapshot, ReceiverSnapshot, StreamSnapshot } from '../../batch/monitoring/streamSnapshot.js';
import type { UnavailablePartition } from '../../batch/unavailablePartition.js';
import { ownValue } from '../../collections/ownValue.js';
import { shownPartitions } from '../wire/boardUpdate.js';
import type { InputView, OpenBatchView, ReceiversView, RunningEffects, StreamView } from '../wire/streamView.js';
import { eventTimeView } from './eventTimeView.js';
import { partitionsByLag } from './partitionsByLag.js';

const maxShownBatches = 20;

type OpenBatch = Omit<OpenBatchView, 'effects'>;

/**
 * What the page shows of a snapshot. `planned` are the batches that were planned and have not ended; `running` has the effects under way
 * of a batch; `eventCounts` are the late and invalid records of all batches; `restart` is known of a stream that failed.
 */
export function viewOf(
  snapshot: StreamSnapshot,
  planned: Iterable<BatchPlanned>,
  running: (time: number) => readonly RunningEffects[],
  eventCounts: EventTimeCounts,
  restart?: StreamView['restart'],
): StreamView {
  const { name, at, status, since, reason, recovery, attempt, interval, waiting, state, checkpoint } = snapshot;
  const { total, largest, others } = partitionsByLag(snapshot.inputs, shownPartitions);
  const started = [...snapshot.saving, ...snapshot.open].sort((a, b) => a.time - b.time);
  const open = [...started, ...waitingBatches(planned, new Set(started.map(({ time }) => time)))];
  const shown = open.slice(0, maxShownBatches).map((batch): OpenBatchView => {
    return { ...batch, effects: batch.stage === 'effect' ? running(batch.time) : [] };
  });
  return {
    name,
    at,
    status,
    since,
    reason,
    recovery,
    attempt,
    interval,
    restart,
    lastBatch: snapshot.lastBatch?.time,
    waiting,
    open: shown,
    moreOpen: Math.max(started.length + waiting - shown.length, 0),
    total,
    inputs: Object.entries(snapshot.inputs).map(([source, input]) =>
      inputView(source, input, ownValue(snapshot.lastBatch?.inputs, source)?.unavailable ?? []),
    ),
    partitions: largest,
    otherPartitions: others,
    eventTime: eventTimeView(snapshot.lastBatch?.eventTimeProgress ?? [], eventCounts),
    state,
    checkpoint,
  };
}

function waitingBatches(planned: Iterable<BatchPlanned>, started: ReadonlySet<number>): OpenBatch[] {
  const waiting: OpenBatch[] = [];
  for (const { time, submissionTime, inputs } of planned) {
    if (!started.has(time))
      waiting.push({ time, records: plannedRecords(inputs), stage: 'waiting', since: submissionTime });
  }
  return waiting.sort((a, b) => a.time - b.time);
}

/** Records of a batch that has not been read, by offsets. */
export function plannedRecords(inputs: BatchPlanned['inputs']): number {
  let records = 0;
  for (const { ranges } of Object.values(inputs)) for (const { from, until } of ranges) records += until - from;
  return records;
}

function receiversView({ receivers, ...held }: ReceiverSnapshot): ReceiversView {
  return {
    ...held,
    receivers: receivers.map(({ error, ...status }) => {
      return { ...status, code: error === undefined ? undefined : codeOf(error) };
    }),
  };
}

function inputView(name: string, input: InputSnapshot, away: readonly UnavailablePartition[]): InputView {
  const { kind, partitions, bufferedBytes, rate, decision, receiver } = input;
  const lag = partitions.reduce((sum, partition) => sum + partition.lag, 0);
  const shown = decision && {
    controller: decision.controller,
    rule: decision.rule,
    model: decision.model,
    warnings: decision.warnings,
  };
  const received = receiver && receiversView(receiver);
  const since = Math.min(...away.map((partition) => partition.since));
  const unavailable = away.length > 0 ? { count: away.length, since } : undefined;
  return {
    name,
    kind,
    partitions: partitions.length,
    unavailable,
    lag,
    bufferedBytes,
    rate,
    decision: shown,
    receiver: received,
  };
}
