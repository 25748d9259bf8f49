import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import Fastify from 'fastify';
import { type Observable, Subject } from 'rxjs';
import { resultsPlugin } from './resultsPlugin.js';

async function serve(results: Observable<unknown>) {
  const app = Fastify({ forceCloseConnections: true });
  await app.register(resultsPlugin, { results });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${port}/events` };
}

test('each viewer sees the latest result, then those that follow, over one subscription', async () => {
  const results = new Subject<number>();
  const { app, url } = await serve(results);
  const first = await fetch(url);
  results.next(1);
  const second = await fetch(url);
  results.next(2);
  assert.equal(results.observed, true);
  results.complete();
  assert.equal(first.headers.get('content-type'), 'text/event-stream');
  assert.equal(await first.text(), 'data: 1\n\ndata: 2\n\n');
  assert.equal(await second.text(), 'data: 1\n\ndata: 2\n\n');
  await app.close();
});

test('closing the server ends the events', async () => {
  const { app, url } = await serve(new Subject());
  const viewer = await fetch(url);
  await app.close();
  assert.equal(await viewer.text(), '');
});
