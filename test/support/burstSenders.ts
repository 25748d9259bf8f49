import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { Agent, createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';

/** Sends numbered records as fast as they are taken. */
export interface BurstSender {
  /** For the receiver: a port or a directory. */
  readonly place: string;
  close(): void;
}

export interface BurstRecords {
  readonly count: number;
  readonly recordBytes: number;
}

/** Numbers with leading zeros; `seq` of `processReceiver` writes the same. */
const recordOf = (n: number, { recordBytes }: BurstRecords) => String(n).padStart(recordBytes, '0');

/** By the name of what receives; each is given a directory of its own. */
export const burstSenders: Readonly<
  Record<string, (records: BurstRecords, directory: string) => Promise<BurstSender>>
> = {
  tcp: (records) =>
    listening(
      createServer(
        (socket) =>
          void writeAll(
            socket.on('error', () => {}),
            records,
            (record) => `${record}\n`,
          ),
      ),
    ),
  sse: (records) =>
    listening(
      createHttpServer((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        void writeAll(response, records, (record) => `data: ${record}\n\n`);
      }),
    ),
  websocket: async (records) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (client) => void sendAll(client, records));
    await once(server, 'listening');
    return { place: String((server.address() as AddressInfo).port), close: () => server.close() };
  },
  http: async (records) => {
    const port = await freePort();
    const left = new AbortController();
    void postAll(port, records, left.signal);
    return { place: String(port), close: () => left.abort() };
  },
  file: async (records, directory) => {
    const file = createWriteStream(join(directory, 'burst.txt'));
    await writeAll(file, records, (record) => `${record}\n`);
    await once(file, 'close');
    return { place: directory, close: () => {} };
  },
  process: async () => ({ place: '', close: () => {} }),
};

async function listening(server: Server): Promise<BurstSender> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { place: String((server.address() as AddressInfo).port), close: () => server.close() };
}

async function writeAll(to: Writable, records: BurstRecords, text: (record: string) => string): Promise<void> {
  const closed = new Promise<void>((resolve) => to.on('close', resolve));
  for (let n = 0; n < records.count && !to.destroyed; n++) {
    if (!to.write(text(recordOf(n, records)))) await Promise.race([once(to, 'drain'), closed]);
  }
  to.end();
}

async function sendAll(client: WebSocket, records: BurstRecords): Promise<void> {
  client.on('error', () => {});
  for (let n = 0; n < records.count && client.readyState === client.OPEN; n++) {
    const sent = new Promise<void>((resolve) => client.send(recordOf(n, records), () => resolve()));
    if (client.bufferedAmount > 1 << 20) await sent;
  }
  client.close();
}

const linesOfRequest = 100;

/** Posts JSON lines, each body until it is taken. */
async function postAll(port: number, records: BurstRecords, left: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  for (let n = 0; n < records.count && !left.aborted; ) {
    const until = Math.min(n + linesOfRequest, records.count);
    const lines = Array.from({ length: until - n }, (_, i) => `"${recordOf(n + i, records)}"\n`);
    if ((await post(port, agent, lines.join(''))) === 202) n = until;
    else await sleep(5);
  }
  agent.destroy();
}

function post(port: number, agent: Agent, body: string): Promise<number> {
  return new Promise((resolve) => {
    const posted = request({ host: '127.0.0.1', port, method: 'POST', agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    posted.on('error', () => resolve(0));
    posted.end(body);
  });
}

async function freePort(): Promise<number> {
  const { place, close } = await listening(createServer());
  close();
  return Number(place);
}
