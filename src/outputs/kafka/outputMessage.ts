import type { ProducerMessage } from './producerPort.js';

/** A record to write with `sendToKafka`. */
export interface OutputMessage extends ProducerMessage {
  /** Topic to write to, instead of the one in the options. */
  readonly topic?: string;
}
