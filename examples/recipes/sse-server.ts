// # Results to browsers by Server-Sent Events
//
// One stream serves all viewers: `share()` subscribes once, and each viewer has the latest result at once. The handler is one of `node:http`;
// there are others for [Fastify](./fastify.md) and [NestJS](./nestjs.md).
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { countBatch, fromBatches } from 'dstream';
import { map, type Observable, ReplaySubject, share } from 'rxjs';

const counts = fromBatches([['a', 'b'], ['c']], { interval: 100, emptyAfter: 1_000 }).pipe(
  countBatch(),
  map(({ records }) => records[0] ?? 0),
  share({ connector: () => new ReplaySubject(1) }),
);

function sendEvents(results: Observable<unknown>, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  const subscription = results.subscribe({
    next: (result) => {
      // A viewer who does not read misses results, and nothing queues up for them.
      if (!response.writableNeedDrain) response.write(`data: ${JSON.stringify(result)}\n\n`);
    },
    complete: () => response.end(),
  });
  response.on('close', () => subscription.unsubscribe());
}

const server = createServer((_, response) => sendEvents(counts, response)).listen(0, '127.0.0.1');
await once(server, 'listening');
const viewer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
const reader = viewer.body?.getReader();
let text = '';
while (!text.includes('data: 1')) text += new TextDecoder().decode((await reader?.read())?.value);
for (const line of text.split('\n')) if (line !== '') console.log(line);
await reader?.cancel();
server.closeAllConnections();
server.close();
// => data: 2
// => data: 1
