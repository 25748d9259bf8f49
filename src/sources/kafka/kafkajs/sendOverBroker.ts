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

/** Sends a request of our own over a connection of kafkajs, and waits for the answer for `timeoutMs` if that is longer than usual. */
export async function sendOverBroker<R>(
  broker: Broker,
  { bytes, ...api }: EncodedRequest,
  read: (body: Buffer) => R & Throttled,
  timeoutMs?: number,
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
  const call = { request, response, ...(timeoutMs !== undefined && { requestTimeout: timeoutMs }) };
  return (await broker.connectionPool.send(call)) as R;
}
