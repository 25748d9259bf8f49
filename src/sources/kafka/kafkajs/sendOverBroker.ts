import type { Broker } from './kafkajsCluster.js';

/** A request, encoded, without its header. */
export interface EncodedRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  readonly bytes: Buffer;
}

/** How long a broker asks to be left alone, in ms. */
export interface Throttled {
  readonly throttleTime: number;
}

/** How long an answer may take. */
interface AnswerLimits {
  /** It is waited for that long if that is longer than usual, in ms. */
  readonly timeoutMs?: number | undefined;
  /** The broker may take that long on purpose, in ms: the answer has as much more time. */
  readonly brokerWaitMs?: number | undefined;
}

/** Sends a request of our own over a connection of kafkajs. */
export async function sendOverBroker<R>(
  broker: Broker,
  { bytes, ...api }: EncodedRequest,
  read: (body: Buffer) => R & Throttled,
  { timeoutMs, brokerWaitMs }: AnswerLimits = {},
): Promise<R> {
  // kafkajs takes a request as an `Encoder`, of which it reads these two fields.
  const request = { ...api, encode: async () => ({ buf: bytes, buffer: bytes }) };
  const response = {
    // kafkajs waits for `clientSideThrottleTime` before it sends the next request (KIP-219).
    decode: async (body: Buffer) => {
      const decoded = read(body);
      return { ...decoded, clientSideThrottleTime: decoded.throttleTime };
    },
    parse: async (decoded: unknown) => decoded,
  };
  const requestTimeout = timeoutMs !== undefined && { requestTimeout: timeoutMs };
  const brokerWait = brokerWaitMs !== undefined && { brokerWaitMs };
  try {
    return (await broker.connectionPool.send({ request, response, ...requestTimeout, ...brokerWait })) as R;
  } catch (error) {
    // As kafkajs does after its own requests: it would take the broker for connected.
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}
