import { RecordTooLargeError } from '../../batch/errors.js';
import { messageSize } from './messageSize.js';
import type { ProducerMessage } from './producerPort.js';

/** By client: the largest record that each topic allows, in bytes, of topics that have refused one. */
const limits = new WeakMap<object, Map<string, number>>();

/** Notes what was refused: when the batch is replayed, the record is found before anything is sent. */
export function noteRefusal(client: object, { topic, size, limit }: RecordTooLargeError): void {
  const known = limits.get(client) ?? new Map<string, number>();
  limits.set(client, known.set(topic, limit ?? size - 1));
}

/** @throws {RecordTooLargeError} when the record is larger than its topic is known to allow */
export function checkSize(client: object, topic: string, message: ProducerMessage): void {
  const limit = limits.get(client)?.get(topic);
  if (limit === undefined) return;
  const size = messageSize(message);
  if (size > limit) throw new RecordTooLargeError(topic, message.partition, size, limit);
}
