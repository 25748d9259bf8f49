import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An API of incidents that runs in this process: what it has, and how often it has refused a request. */
export interface IncidentApi {
  readonly url: string;
  readonly incidents: ReadonlySet<string>;
  readonly refused: number;
  close(): void;
}

/** Allows 100 requests within a second and answers 429 to more. An incident that comes again under its key is kept once. */
export async function startApi(perSecond = 100): Promise<IncidentApi> {
  const incidents = new Set<string>();
  let times: number[] = [];
  let refused = 0;
  const server = createServer((request, response) => {
    request.resume();
    const now = performance.now();
    times = times.filter((time) => time > now - 1_000);
    if (times.length >= perSecond) {
      refused++;
      response.writeHead(429, { 'retry-after': '1' }).end();
      return;
    }
    times.push(now);
    incidents.add(String(request.headers['idempotency-key']));
    response.writeHead(201).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/incidents`,
    incidents,
    get refused() {
      return refused;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
