import { mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, fromBatches, InvalidOptionError } from 'dstream';
import { type Dashboard, type DashboardOptions, dashboard } from 'dstream/node';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';
import { config } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { keptBatches } from '../../src/dashboard/wire/boardUpdate.js';
import { EventReader } from '../support/eventReader.js';
import { scriptedStream, testBoard } from '../support/testBoard.js';

const token = 'correct-horse-battery';
const opened: (Dashboard | EventReader)[] = [];

async function board(...options: Parameters<typeof testBoard>): Promise<Dashboard> {
  const created = await testBoard(...options);
  opened.push(created);
  return created;
}

async function follow(url: string, headers?: Readonly<Record<string, string>>): Promise<EventReader> {
  const reader = await EventReader.open(url, headers);
  opened.push(reader);
  return reader;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** A request with any headers, `Host` too, which `fetch` does not let one set. */
function ask(url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET', body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    sent.on('error', reject).end(body);
  });
}

describe('options', () => {
  it.each([
    [{ port: -1 }, 'port'],
    [{ port: 65_536 }, 'port'],
    [{ port: 1.5 }, 'port'],
    [{ host: '' }, 'host'],
    [{ host: '0.0.0.0' }, 'token'],
    [{ host: '::' }, 'token'],
    [{ host: '192.168.1.2' }, 'token'],
    [{ host: 'board.example' }, 'token'],
    [{ host: '127.0.0.1.evil.example' }, 'token'],
    [{ token: 'fifteen-letters' }, 'token'],
    [{ token: 'sixteen letters ' }, 'token'],
    [{ hosts: [''] }, 'hosts[0]'],
    [{ registry: {} as never }, 'registry.metrics'],
  ])('%o are refused: %s', async (options: DashboardOptions, option) => {
    const refused = await dashboard(options).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InvalidOptionError);
    expect(refused).toMatchObject({ option });
    if (options.token) expect(String(refused)).not.toContain(options.token);
  });

  it('name the port that is taken', async () => {
    const first = await board();
    const port = Number(new URL(first.url).port);
    await expect(dashboard({ port })).rejects.toMatchObject({ option: 'port', value: port });
  });

  it('listen on loopback unless another host is named', async () => {
    expect((await board()).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect((await board({ host: '0.0.0.0', token })).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  });
});

describe('requests', () => {
  const page = mkdtempSync(join(tmpdir(), 'dstream-page-'));
  for (const name of ['index.html', 'page.js', 'page.css']) writeFileSync(join(page, name), `the ${name}`);

  it('are answered with the page, under a policy that lets it ask nobody else', async () => {
    const { url } = await board({}, `${page}/`);
    const { status, headers, body } = await ask(url);
    expect([status, body]).toEqual([200, 'the index.html']);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    expect((await ask(`${url}page.js`)).headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect((await ask(`${url}page.css`)).headers['content-type']).toBe('text/css; charset=utf-8');
  });

  it('say how the page is made where it is missing', async () => {
    const { url } = await board();
    expect(await ask(url)).toMatchObject({ status: 500, body: expect.stringContaining('npm run build') });
  });

  it.each(['/', '/page.js', '/api/streams', '/api/events', '/healthz', '/nothing'])(
    'for another Host are refused: %s',
    async (path) => {
      const { url } = await board();
      expect((await ask(`${url}${path.slice(1)}`, { host: 'evil.example' })).status).toBe(421);
    },
  );

  it.each(['/api/streams', '/api/events', '/api/session'])('of another origin are refused: %s', async (path) => {
    const { url } = await board();
    expect((await ask(`${url}${path.slice(1)}`, { origin: 'http://evil.example' })).status).toBe(403);
  });

  it('that the board does not know are refused', async () => {
    const { url } = await board();
    const statuses = await Promise.all([
      ask(`${url}../../etc/passwd`),
      ask(`${url}metrics`),
      ask(url, {}, 'POST'),
      ask(`${url}api/session`),
      ask(`${url}api/batch?stream=none&id=1`),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 405, 405, 404]);
  });

  it('with a target that is no path are refused, and the server goes on', async () => {
    const { url } = await board();
    const { port } = new URL(url);
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      connect(Number(port), '127.0.0.1')
        .on('data', (chunk) => {
          text += String(chunk);
        })
        .on('close', () => resolve(text))
        .end(`GET //[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect((await ask(`${url}api/streams`)).status).toBe(200);
  });

  it('need the token where there is one, except for the page itself and for probes', async () => {
    const { url } = await board({ token, registry: new client.Registry() }, `${page}/`);
    const statusOf = async (path: string, headers = {}) => (await ask(`${url}${path}`, headers)).status;
    const guarded = ['api/streams', 'api/events', 'api/batch', 'metrics'];
    expect(await Promise.all(guarded.map((path) => statusOf(path)))).toEqual(guarded.map(() => 401));
    expect(await Promise.all(['', 'page.js', 'page.css', 'livez'].map((path) => statusOf(path)))).toEqual([
      200, 200, 200, 200,
    ]);
    expect(await statusOf('api/streams', { authorization: `Bearer ${token}` })).toBe(200);
    expect(await statusOf('api/streams', { authorization: 'Bearer wrong-horse-battery' })).toBe(401);
    const cookie =
      String((await ask(`${url}api/session`, {}, 'POST', token)).headers['set-cookie']).split(';')[0] ?? '';
    expect(await statusOf('api/streams', { cookie })).toBe(200);
    expect((await ask(`${url}api/session`, {}, 'POST', 'wrong-horse-battery')).status).toBe(401);
    expect((await ask(`${url}api/session`, {}, 'POST', 'x'.repeat(100_000))).status).toBe(401);
  });

  it('are answered with health and metrics', async () => {
    const registry = new client.Registry();
    const { url, run } = await board({ registry });
    expect((await ask(`${url}healthz`)).status).toBe(503);
    const monitors = [{ run }, prometheusMonitor({ client, registry })];
    await new Promise<void>((resolve) => {
      fromBatches([['a']], { interval: 5, name: 'letters', monitors })
        .pipe(foreachBatch(() => {}))
        .subscribe({ complete: resolve });
    });
    expect(JSON.parse((await ask(`${url}healthz`)).body)).toMatchObject({
      live: true,
      streams: [{ name: 'letters', status: 'stopped' }],
    });
    const metrics = await ask(`${url}metrics`);
    expect(metrics.headers['content-type']).toBe(registry.contentType);
    expect(metrics.body).toContain('dstream_batches_total{stream="letters",result="completed"} 1');
  });
});

describe('the event stream', () => {
  it('begins with all that is kept, and goes on with what is new', async () => {
    const created = await board();
    const { complete } = scriptedStream(created, 'letters');
    complete(3);
    const reader = await follow(`${created.url}api/events`);
    expect(reader.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const first = await reader.next();
    expect(first?.update).toMatchObject({
      streams: ['letters'],
      view: { name: 'letters' },
      rows: [{ time: 1_000, records: 3 }],
    });
    complete(4);
    const [next] = (await reader.until(({ update }) => update.rows.length > 0)).slice(-1);
    expect(next?.update.rows.map(({ time, records }) => [time, records])).toEqual([[2_000, 4]]);
  });

  it('is of the stream that is asked for, also when that begins later', async () => {
    const created = await board();
    scriptedStream(created, 'one').complete();
    const reader = await follow(`${created.url}api/events?stream=two`);
    expect((await reader.next())?.update).toEqual({ streams: ['one'], rows: [], failures: [] });
    scriptedStream(created, 'two').complete(7);
    const all = await reader.until(({ update }) => update.view !== undefined);
    expect(all.at(-1)?.update).toMatchObject({
      streams: ['one', 'two'],
      view: { name: 'two' },
      rows: [{ records: 7 }],
    });
  });

  it('goes on after the last event that a page has, without a gap and without a row twice', async () => {
    const created = await board();
    const { complete } = scriptedStream(created, 'letters');
    complete();
    complete();
    const first = await follow(`${created.url}api/events`);
    const had = await first.next();
    first.close();
    complete();
    complete();
    const again = await follow(`${created.url}api/events?after=run.0`, { 'last-event-id': had?.id ?? '' });
    expect((await again.next())?.update.rows.map(({ time }) => time)).toEqual([3_000, 4_000]);
    const byQuery = await follow(`${created.url}api/events?after=${had?.id}`);
    expect((await byQuery.next())?.update.rows.map(({ time }) => time)).toEqual([3_000, 4_000]);
  });

  it('sends all it has to a page whose last event is of a server before it', async () => {
    const before = await board();
    scriptedStream(before, 'letters').complete();
    const reader = await follow(`${before.url}api/events`);
    const had = await reader.next();
    await before.close();
    expect(await reader.next()).toBeUndefined();
    const after = await board({ port: Number(new URL(before.url).port) });
    const stream = scriptedStream(after, 'letters', [], 2_000);
    stream.complete();
    stream.complete();
    const again = await follow(`${after.url}api/events`, { 'last-event-id': had?.id ?? '' });
    expect((await again.next())?.update.rows.map(({ time }) => time)).toEqual([2_000, 3_000]);
  });

  it('gives a page that reads slowly the latest, and never has more than 1 MiB waiting for it', async () => {
    const partitions = Array.from({ length: 2_000 }, (_, partition) => ({
      topic: 'a-topic-with-a-rather-long-name',
      partition,
      planned: 1,
      committed: 1,
      end: 2,
      bufferedBytes: 0,
      lag: 1,
      behind: 5,
    }));
    const created = await board();
    const { complete } = scriptedStream(created, 'letters', partitions);
    const { port } = new URL(created.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.pause();
    const quick = await follow(`${created.url}api/events`);
    const before = process.memoryUsage().arrayBuffers;
    // Each update has all rows that are kept, some 200 KiB: more of them than the operating system takes for the socket.
    let lastTime = 0;
    for (let i = 0; i < 40; i++) {
      for (let batch = 0; batch < keptBatches; batch++) complete();
      lastTime += 1_000 * keptBatches;
      await quick.until(({ update }) => update.rows.at(-1)?.time === lastTime);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.resume();
    complete();
    const last = `"time":${lastTime + 1_000},`;
    await expect.poll(() => text.includes(last), { timeout: 300_000 }).toBe(true);
    // It missed most updates, and has received the latest of all.
    expect(text.split('data: ').length - 1).toBeLessThan(40);
    socket.destroy();
  });

  it('is open to 32 pages', async () => {
    const created = await board();
    scriptedStream(created, 'letters').complete();
    const readers = await Promise.all(Array.from({ length: 32 }, () => follow(`${created.url}api/events`)));
    expect(readers.map(({ response }) => response.statusCode)).toEqual(readers.map(() => 200));
    expect((await ask(`${created.url}api/events`)).status).toBe(503);
    readers[0]?.close();
    await expect
      .poll(async () => (await ask(`${created.url}api/events`, {}, 'HEAD')).status, { timeout: 300_000 })
      .toBe(200);
  });

  it('ends when a snapshot throws, which is reported and ends nothing else', async () => {
    const reported: unknown[] = [];
    const created = await board();
    const { complete, run } = scriptedStream(created, 'letters');
    complete();
    created.run({ ...brokenStream, name: 'broken' });
    config.onUnhandledError = (error) => reported.push(error);
    try {
      const reader = await follow(`${created.url}api/events?stream=broken`);
      expect(await reader.next()).toBeUndefined();
      await expect.poll(() => reported.map(String), { timeout: 300_000 }).toContain('Error: no snapshot');
    } finally {
      config.onUnhandledError = null;
    }
    expect((await (await follow(`${created.url}api/events?stream=letters`)).next())?.update.rows).toHaveLength(1);
    expect(run).toBeDefined();
  });
});

const brokenStream = {
  attempt: 0,
  interval: 1_000,
  sources: {},
  checkpoint: undefined,
  now: () => 0,
  snapshot: (): never => {
    throw new Error('no snapshot');
  },
};

it('closes with pages open', async () => {
  const created = await testBoard();
  const reader = await EventReader.open(`${created.url}api/events`);
  await created.close();
  expect(await reader.until(() => false).catch((error: unknown) => String(error))).toContain('ended');
});
