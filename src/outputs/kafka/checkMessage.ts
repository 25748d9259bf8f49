import { InvalidRecordError } from '../../batch/errors.js';
import type { OutputMessage } from './outputMessage.js';

/** @throws {InvalidRecordError} when a record is no message that can be written */
export function checkMessage(operator: string, record: OutputMessage): void {
  const rule = brokenRule(record);
  if (rule !== undefined) throw new InvalidRecordError(operator, record, rule);
}

function brokenRule(record: OutputMessage): string | undefined {
  if (typeof record !== 'object' || record === null) return 'is no object with a `value`';
  const { key, value, partition, headers, timestamp } = record;
  if (value === undefined) return 'has no `value`; null is a tombstone';
  if (value !== null && !isText(value)) return 'has a `value` that is neither text nor bytes';
  if (key !== undefined && key !== null && !isText(key)) return 'has a `key` that is neither text nor bytes';
  if (partition !== undefined && partition !== null && !(Number.isInteger(partition) && partition >= 0)) {
    return 'has a `partition` that is no integer of at least 0';
  }
  if (timestamp !== undefined && !(Number.isInteger(Number(timestamp)) && Number(timestamp) >= 0)) {
    return 'has a `timestamp` that is not in milliseconds since the epoch';
  }
  for (const name in headers) {
    const header = headers[name];
    if (header !== undefined && ![header].flat().every(isText))
      return `has a header "${name}" that is neither text nor bytes`;
  }
  return undefined;
}

function isText(part: unknown): boolean {
  return typeof part === 'string' || part instanceof Uint8Array;
}
