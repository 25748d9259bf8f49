import type { Batch } from '../../batch/batch.js';
import { InvalidRecordError } from '../../batch/errors.js';
import { visitEach } from '../../operators/base/visitEach.js';
import type { MessagesByTopic } from './batchTransactions.js';
import { checkMessage } from './checkMessage.js';
import type { OutputMessage } from './outputMessage.js';
import type { ProducerMessage } from './producerPort.js';
import { checkSize } from './topicLimits.js';

/**
 * The records of a batch by the topic they go to: their own, or else `defaultTopic`.
 *
 * @throws {InvalidRecordError} when a record is no message, has no topic, or the batch has no offset ranges
 * @throws {RecordTooLargeError} when a record is larger than its topic is known to allow
 */
export function messagesByTopic(
  client: object,
  batch: Batch<OutputMessage>,
  defaultTopic: string | undefined,
): MessagesByTopic {
  const byTopic = new Map<string, ProducerMessage[]>();
  const replayable = Object.values(batch.context.inputs).some(({ ranges }) => ranges.length > 0);
  if (!replayable && batch.size > 0) {
    const rule = 'is in a batch that has no offset ranges, so a replay could not be recognized';
    throw new InvalidRecordError('sendToKafka', batch.records[0], rule);
  }
  visitEach(batch, { operator: 'sendToKafka' }, (record) => {
    checkMessage(record);
    const { topic = defaultTopic, ...message } = record;
    if (topic === undefined) {
      throw new InvalidRecordError('sendToKafka', record, 'has no topic, and the options name none');
    }
    checkSize(client, topic, message);
    const messages = byTopic.get(topic);
    if (messages) messages.push(message);
    else byTopic.set(topic, [message]);
  });
  return byTopic;
}
