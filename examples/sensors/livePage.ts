import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Whom it serves sees each message at once, and the last one when they come. */
export interface LivePage {
  readonly url: string;
  send(message: unknown): void;
  close(): void;
}

const html = readFileSync(new URL('page.html', import.meta.url));

/** Serves `page.html`, and messages as Server-Sent Events under `/events`. */
export async function startPage(port: number): Promise<LivePage> {
  const viewers = new Set<ServerResponse>();
  let latest: string | undefined;
  const server = createServer((request, response) => {
    if (request.url === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(html);
    else if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.flushHeaders();
      if (latest !== undefined) response.write(latest);
      viewers.add(response);
      response.on('close', () => viewers.delete(response));
    } else response.writeHead(404).end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    send(message) {
      latest = `data: ${JSON.stringify(message)}\n\n`;
      for (const viewer of viewers) {
        // Who does not read gets the next message once they do, instead of a queue of old ones.
        if (!viewer.writableNeedDrain) viewer.write(latest);
      }
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
