import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../scripts/free-ports.mjs';

/** Sends numbers, each until it is acknowledged. */
export interface NumberedSender {
  /** For the receiver: the port of a server that it connects to, or the one that it listens on, or a directory. */
  readonly place: string;
  /** Whether the receiver goes on exactly where it was, so that no number may come twice. */
  readonly exactlyOnce: boolean;
  /** The numbers that were acknowledged. */
  readonly acknowledged: ReadonlySet<number>;
  /** Times from sending to the acknowledgement, ms. */
  readonly delays: readonly number[];
  /** Sends nothing new; what is on its way may still be acknowledged. */
  stop(): Promise<void>;
}

const linesAtOnce = 10;
/** How long a client waits for a server that is away, ms. */
const retryMs = 25;

/** A server that sends lines to whoever connects, from the first one that was not acknowledged. */
export async function tcpSender(): Promise<NumberedSender> {
  const acknowledged = new Set<number>();
  const delays: number[] = [];
  const sockets = new Set<Socket>();
  let stopped = false;
  const serve = (socket: Socket) => {
    sockets.add(socket);
    const first = acknowledged.size;
    const sentAt: number[] = [];
    let heard = '';
    const send = () => {
      if (stopped || socket.destroyed) return;
      for (let i = 0; i < linesAtOnce; i++) socket.write(`${first + sentAt.push(performance.now()) - 1}\n`);
    };
    socket.on('data', (bytes) => {
      const lines = `${heard}${bytes}`.split('\n');
      heard = lines.pop() ?? '';
      for (const line of lines) {
        for (let n = acknowledged.size; n < first + Number(line); n++) {
          acknowledged.add(n);
          delays.push(performance.now() - (sentAt[n - first] ?? 0));
        }
      }
      // One group is on its way at a time.
      if (acknowledged.size === first + sentAt.length) send();
    });
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    send();
  };
  const server = createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    place: String((server.address() as AddressInfo).port),
    exactlyOnce: false,
    acknowledged,
    delays,
    stop: async () => {
      stopped = true;
      while (sockets.size > 0) await sleep(10);
      server.close();
    },
  };
}

/** Clients that post to a server that may be away. */
export async function httpSender(clients = 4): Promise<NumberedSender> {
  const acknowledged = new Set<number>();
  const delays: number[] = [];
  const agent = new Agent({ keepAlive: true });
  const [port = 0] = await freePorts(1);
  let stopped = false;
  let next = 0;
  const post = (n: number) =>
    new Promise<number>((resolve) => {
      const posted = request({ host: '127.0.0.1', port, method: 'POST', agent }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', () => resolve(0));
      });
      posted.on('error', () => resolve(0));
      posted.end(String(n));
    });
  const work = async () => {
    while (!stopped) {
      const n = next++;
      const begun = performance.now();
      while (!stopped && !acknowledged.has(n)) {
        if ((await post(n)) === 202) acknowledged.add(n);
        else await sleep(retryMs);
      }
      delays.push(performance.now() - begun);
    }
  };
  const working = Promise.all(Array.from({ length: clients }, work));
  return {
    place: String(port),
    exactlyOnce: false,
    acknowledged,
    delays,
    stop: async () => {
      stopped = true;
      await working;
      agent.destroy();
    },
  };
}
