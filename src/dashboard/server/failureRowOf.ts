import { messageOf } from '../../batch/errors/messageOf.js';
import { DStreamError } from '../../batch/errors.js';
import { codeOf } from '../../batch/monitoring/codeOf.js';
import type { BatchFailure, PartitionRetried, RecordsDeadLettered } from '../../batch/monitoring/monitorEvents.js';
import type { FailureRow } from '../wire/failureRow.js';

const maxMessageLength = 500;

/** The row of a failed stream. */
export function failedRow(id: string, at: number, failure: BatchFailure, showErrors: boolean): FailureRow {
  const { time, stage, operator, id: operatorId, attempt, error } = failure;
  const facts = factsOf(error, showErrors);
  return {
    id,
    at,
    kind: 'failed',
    time,
    stage,
    operator,
    operatorId,
    records: undefined,
    attempt: attempt + 1,
    ...facts,
  };
}

/** The row of an effect on a partition that failed and runs again. */
export function retriedRow(id: string, at: number, event: PartitionRetried, showErrors: boolean): FailureRow {
  const { time, operator, id: operatorId, attempt, error, partition } = event;
  const facts = factsOf(error, showErrors);
  return {
    id,
    at,
    kind: 'retried',
    time,
    stage: 'effect',
    operator,
    operatorId,
    records: undefined,
    attempt,
    ...facts,
    partition: facts.partition ?? partition,
  };
}

/** The row of records that failed permanently and were handed over. */
export function deadLetteredRow(id: string, at: number, event: RecordsDeadLettered, showErrors: boolean): FailureRow {
  const { time, operator, id: operatorId, records, error } = event;
  const facts = factsOf(error, showErrors);
  const none = { stage: undefined, attempt: undefined };
  return { id, at, kind: 'dead-lettered', time, operator, operatorId, records, ...none, ...facts };
}

type Facts = Pick<FailureRow, 'code' | 'topic' | 'partition' | 'offset' | 'message'>;

/** What may be shown of an error: never its message unless asked for, as that may quote a record. */
function factsOf(error: unknown, showErrors: boolean): Facts {
  const message = showErrors ? messageOf(error).slice(0, maxMessageLength) : undefined;
  const code = codeOf(error);
  if (!(error instanceof DStreamError)) {
    return { code, topic: undefined, partition: undefined, offset: undefined, message };
  }
  const { topic, partition, offset } = error as { topic?: unknown; partition?: unknown; offset?: unknown };
  return {
    code,
    topic: typeof topic === 'string' ? topic : undefined,
    partition: typeof partition === 'number' ? partition : undefined,
    offset: typeof offset === 'number' ? offset : undefined,
    message,
  };
}
