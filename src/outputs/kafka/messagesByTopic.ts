import type { Batch } from '../../batch/batch.js';
import { InvalidRecordError } from '../../batch/errors.js';
import { visitEach } from '../../operators/base/visitEach.js';
import type { MessagesByTopic } from './batchMessages.js';
import { checkMessage } from './checkMessage.js';
import type { OutputMessage } from './outputMessage.js';
import type { ProducerMessage } from './producerPort.js';
import { checkSize } from './topicLimits.js';

/** How records become messages. */
export interface MessageOptions<T> {
  /** The output that writes them. */
  readonly operator: string;
  /** Its id, where it has one. */
  readonly id: string | undefined;
  /** The topic of messages without a topic of their own. */
  readonly topic: string | undefined;
  messageOf(record: T): OutputMessage;
}

/**
 * What a batch writes, by topic.
 *
 * @throws {InvalidRecordError} when a record is no message, has no topic, or the batch has no offset ranges
 * @throws {RecordTooLargeError} when a record is larger than its topic is known to allow
 */
export function messagesByTopic<T>(
  client: object,
  batch: Batch<T>,
  { operator, id, topic: defaultTopic, messageOf }: MessageOptions<T>,
): MessagesByTopic {
  const byTopic = new Map<string, ProducerMessage[]>();
  const replayable = Object.values(batch.context.inputs).some(({ ranges }) => ranges.length > 0);
  if (!replayable && batch.size > 0) {
    const rule = 'is in a batch that has no offset ranges, so a replay could not be recognized';
    throw new InvalidRecordError(operator, batch.records[0], rule);
  }
  visitEach(batch, { operator, id }, (record) => {
    const written = messageOf(record);
    checkMessage(operator, written);
    const { topic = defaultTopic, ...message } = written;
    if (topic === undefined) {
      throw new InvalidRecordError(operator, record, 'has no topic, and the options name none');
    }
    checkSize(client, topic, message);
    const messages = byTopic.get(topic);
    if (messages) messages.push(message);
    else byTopic.set(topic, [message]);
  });
  return byTopic;
}
