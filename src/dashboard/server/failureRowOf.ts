import { DStreamError } from '../../batch/errors.js';
import type { BatchFailure, PartitionRetried } from '../../batch/monitoring/monitorEvents.js';
import type { FailureRow } from '../wire/failureRow.js';

const maxMessageLength = 500;

/** The row of a failed stream. */
export function failedRow(id: string, at: number, failure: BatchFailure, showErrors: boolean): FailureRow {
  const { time, stage, operator, id: operatorId, attempt, error } = failure;
  return { id, at, kind: 'failed', time, stage, operator, operatorId, attempt, ...factsOf(error, showErrors) };
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
    attempt,
    ...facts,
    partition: facts.partition ?? partition,
  };
}

type Facts = Pick<FailureRow, 'code' | 'topic' | 'partition' | 'offset' | 'message'>;

/** What may be shown of an error: never its message unless asked for, as that may quote a record. */
function factsOf(error: unknown, showErrors: boolean): Facts {
  const message = showErrors ? messageOf(error).slice(0, maxMessageLength) : undefined;
  if (!(error instanceof DStreamError)) {
    return { code: classOf(error), topic: undefined, partition: undefined, offset: undefined, message };
  }
  const { topic, partition, offset } = error as { topic?: unknown; partition?: unknown; offset?: unknown };
  return {
    code: error.code,
    topic: typeof topic === 'string' ? topic : undefined,
    partition: typeof partition === 'number' ? partition : undefined,
    offset: typeof offset === 'number' ? offset : undefined,
    message,
  };
}

/** The class and not `name`, which any code may have set to anything. */
function classOf(error: unknown): string {
  const name: unknown = error instanceof Error ? error.constructor.name : undefined;
  return typeof name === 'string' && /^[\w$]{1,64}$/.test(name) ? name : 'other';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
