import type { ReceiverSink } from 'dstream';
import { kafkaReceiver } from 'dstream/kafka';
import { newKafka } from './kafkaLog.js';

/** A process that was killed is in its group for so long, ms. */
const sessionTimeout = 1_500;
const heartbeatInterval = 200;

/** Receives from a topic of a real Kafka, in a group of the same name. The place is `BROKERS/TOPIC`. */
export function receiverFromKafka(place: string): (sink: ReceiverSink<unknown>) => () => void {
  const at = place.indexOf('/');
  const topic = place.slice(at + 1);
  return kafkaReceiver<unknown>(newKafka(place.slice(0, at)), {
    topics: [topic],
    groupId: topic,
    fromBeginning: true,
    parse: ({ value }) => String(value),
    consumer: { sessionTimeout, heartbeatInterval, rebalanceTimeout: sessionTimeout },
  });
}
