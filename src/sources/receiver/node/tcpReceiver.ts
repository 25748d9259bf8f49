import { connect } from 'node:net';
import { ReceiverError } from '../../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../../options/checkOptions.js';
import {
  allOf,
  checkFunction,
  checkPort,
  checkPositive,
  checkPositiveInteger,
  checkText,
  checkTimer,
  oneOf,
} from '../../../options/checks.js';
import type { ReceiverSink } from '../receiver.js';
import { type Framing, frameDecoder } from './frameDecoder.js';
import { FramePump } from './framePump.js';

/** Options of `tcpReceiver`. Durations are in ms. */
export interface TcpReceiverOptions<T> {
  /** The port of the server, an integer. */
  readonly port: number;
  /**
   * The host of the server.
   * @default '127.0.0.1'
   */
  readonly host?: string | undefined;
  /**
   * How frames are separated: `'lines'` end with `\n` or `\r\n`, `'length-prefixed'` come each after its length in 4 bytes, big
   * endian.
   * @default 'lines'
   */
  readonly framing?: Framing | undefined;
  /**
   * Makes a record of a frame. What it throws fails the receiver.
   * @default lines as strings, and other frames as buffers
   */
  readonly parse?: ((frame: Buffer) => T) | undefined;
  /**
   * The longest frame, in bytes: a server that sends a longer one is left, which is a failure.
   * @default 1048576 (1 MiB)
   */
  readonly maxFrameBytes?: number | undefined;
  /**
   * How long connecting may take, in ms.
   * @default 10000
   */
  readonly connectTimeout?: number | undefined;
  /**
   * How long the server may send nothing while it is not made to wait, in ms; after that the receiver fails.
   * @default no limit
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Returns what is written to the server once records are stored, given how many of this connection are: with a write-ahead
   * log the server may then forget them.
   * @default nothing is written
   */
  readonly acknowledge?: ((stored: number) => string | Uint8Array) | undefined;
}

const optionChecks: OptionChecks<TcpReceiverOptions<never>> = {
  port: required(allOf(checkPort, checkPositiveInteger)),
  host: checkText,
  framing: oneOf('lines', 'length-prefixed'),
  parse: checkFunction,
  maxFrameBytes: checkPositiveInteger,
  connectTimeout: allOf(checkPositive, checkTimer),
  idleTimeout: allOf(checkPositive, checkTimer),
  acknowledge: checkFunction,
};

/**
 * Receives from a TCP server: connects, and makes a record of each frame. While the queue is full nothing is read, so that the
 * server is made to wait. A connection that is lost, that times out or that sends too long a frame is a failure, and one that the server
 * closes completes the receiver: with `restart: { onClose: 'restart' }` it connects again after both.
 *
 * What is sent while nobody is connected, or was on its way when a connection was lost, is lost, unless the server waits for
 * what `acknowledge` writes and sends again what was not acknowledged.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {ReceiverError} (as a notification) when the connection fails and the receiver is not started again
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import { createServer, type AddressInfo } from 'node:net';
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { tcpReceiver } from 'dstream/node';
 *
 * const server = createServer((socket) => socket.end('a\nb\n')).listen(0, '127.0.0.1');
 * await once(server, 'listening');
 * const { port } = server.address() as AddressInfo;
 *
 * receiverBatches(tcpReceiver({ port }), { interval: 50 })
 *   .pipe(
 *     foreachBatch((lines) => {
 *       if (lines.length > 0) console.log(lines);
 *     }),
 *   )
 *   .subscribe({ complete: () => server.close() });
 * // => [ 'a', 'b' ]
 * ```
 */
export function tcpReceiver<T = string>(options: TcpReceiverOptions<T>): (sink: ReceiverSink<T>) => () => void {
  const owner = 'tcpReceiver';
  checkOptions(owner, options, optionChecks);
  const { port, host = '127.0.0.1', framing = 'lines', maxFrameBytes = 1 << 20, acknowledge } = options;
  const { connectTimeout = 10_000, idleTimeout = 0 } = options;
  const parse = options.parse ?? ((frame: Buffer) => (framing === 'lines' ? frame.toString() : frame) as T);
  const where = `${owner} ${host}:${port}`;

  return (sink) => {
    const socket = connect({ host, port, keepAlive: true, allowHalfOpen: acknowledge !== undefined });
    const fail = (reason: string, cause?: unknown) => {
      sink.fail(new ReceiverError(where, reason, cause === undefined ? undefined : { cause }));
      socket.destroy();
    };
    const decoder = frameDecoder(framing, maxFrameBytes);
    const pump = new FramePump(sink, {
      pause: () => {
        // A server that is made to wait is not idle.
        socket.setTimeout(0);
        socket.pause();
      },
      resume: () => {
        socket.setTimeout(idleTimeout);
        socket.resume();
      },
    });
    let received = 0;
    let stored = 0;
    let ended = false;
    const finish = () => {
      if (!acknowledge) sink.complete();
      // The server waits for the last acknowledgement.
      else if (ended && stored === received) socket.end(() => sink.complete());
    };
    const take = (frames: readonly Buffer[]) => {
      const records = frames.map(parse);
      received += records.length;
      const until = received;
      const acknowledged = (write: (stored: number) => string | Uint8Array) => () => {
        stored = until;
        if (socket.writable) socket.write(write(until));
        finish();
      };
      pump.push(records, acknowledge && acknowledged(acknowledge));
    };
    const guarded = (work: () => void) => {
      try {
        work();
      } catch (error) {
        fail((error as Error).message, error);
      }
    };
    socket.setTimeout(connectTimeout);
    socket.on('connect', () => {
      socket.setTimeout(idleTimeout);
      sink.connected();
    });
    socket.on('timeout', () => {
      fail(socket.connecting ? `no connection within ${connectTimeout} ms` : `nothing came for ${idleTimeout} ms`);
    });
    socket.on('data', (chunk: Buffer) => guarded(() => take(decoder.push(chunk))));
    socket.on('end', () => {
      guarded(() => {
        take(decoder.end());
        ended = true;
        pump.end(finish);
      });
    });
    socket.on('error', (error) => fail(error.message, error));
    return () => {
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
    };
  };
}
