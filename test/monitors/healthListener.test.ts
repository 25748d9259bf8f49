import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { healthListener } from 'dstream/node';
import { expect, it } from 'vitest';

it('answers probes as healthHandler does', async () => {
  const report = { live: true, ready: false, streams: [] };
  const server = createServer(healthListener({ check: () => report })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });
  try {
    const ready = await ask('/ready?verbose=1');
    expect([ready.status, ready.headers.get('content-type'), await ready.json()]).toEqual([
      503,
      'application/json',
      report,
    ]);
    const [live, head, post] = await Promise.all([ask('/live'), ask('/live', 'HEAD'), ask('/live', 'POST')]);
    expect([live?.status, head?.status, await head?.text(), post?.status, post?.headers.get('allow')]).toEqual([
      200,
      200,
      '',
      405,
      'GET, HEAD',
    ]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
