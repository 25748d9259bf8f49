import type { Socket } from 'node:net';

// The parts of kafkajs's connections that `connectionGuard.ts` and `guardedConnection.ts` rely on. kafkajs is frozen at 2.2.4.

/** A request over a connection: the request encodes itself, `response` reads the answer. */
export interface Call {
  readonly request: { readonly apiName: string };
  readonly response: {
    decode(body: Buffer): Promise<unknown>;
    parse(decoded: unknown): Promise<unknown>;
  };
  readonly requestTimeout?: number | null;
  /** How long the broker may take to answer on purpose, in ms: the request has as much more time. */
  readonly brokerWaitMs?: number;
}

/** One connection to a broker. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly requestTimeout: number | undefined;
  socketFactory: SocketFactory;
  socket?: Socket | undefined;
  /** `connected`, `disconnecting` or `disconnected`. */
  connectionStatus: string;
  authenticatedAt: unknown;
  /** Set while SASL authentication of a broker before Kafka 1.0 is under way. */
  readonly authHandlers: { onError(): void } | null;
  /** What kafkajs has received and not yet read. */
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  readonly requestQueue: RequestQueue;
  processData(bytes: Buffer): void;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  send(call: Call): Promise<unknown>;
}

export interface RequestQueue {
  /** The requests that wait for their responses, by correlation id, in the order in which they were sent. */
  readonly inflight: ReadonlyMap<number, unknown>;
  fulfillRequest(response: { size: number; correlationId: number; payload: Buffer }): void;
  rejectAll(error: Error): void;
  destroy(): void;
  maybeThrottle(throttleTime: number | null | undefined): void;
  scheduleRequestTimeoutCheck(): void;
  scheduleCheckPendingRequests(): void;
}

/** The connections to one broker. */
export interface ConnectionPool {
  readonly host: string;
  readonly port: number;
  /** Two connections: the first for all requests but Fetch, the second for Fetch. */
  readonly pool: readonly Connection[];
}

export interface ConnectionPoolBuilder {
  /** Without a destination: the next of the bootstrap brokers. */
  build(destination?: {
    readonly host: string;
    readonly port: number;
    readonly rack?: string;
  }): Promise<ConnectionPool>;
}

export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly ssl?: unknown;
  readonly onConnect: () => void;
}
export type SocketFactory = (options: SocketOptions) => Socket;
