import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Health } from '../../monitors/health.js';
import { healthListener } from '../../monitors/node/healthListener.js';
import type { StreamList } from '../wire/boardUpdate.js';
import type { Access } from './access.js';
import { EventStream } from './eventStream.js';
import type { PageFeed } from './pageFeed.js';
import type { PageFileName, PageFiles } from './pageFiles.js';
import type { StreamRecord } from './streamRecord.js';

/** A registry of prom-client, as far as `/metrics` needs it. */
export interface MetricsRegistry {
  /** The media type of the text. */
  readonly contentType: string;
  /** All metrics as text. */
  metrics(): Promise<string>;
}

/** What requests are answered from. */
export interface Board {
  readonly access: Access;
  readonly records: ReadonlyMap<string, StreamRecord>;
  readonly feed: PageFeed;
  readonly files: PageFiles;
  readonly health: Health;
  readonly registry: MetricsRegistry | undefined;
}

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const maxBodyBytes = 1_024;

type Answer = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => Promise<void> | void;

interface Route {
  readonly method: 'GET' | 'POST';
  /** Whether it is answered without a token: it contains no data, or is how a token is handed in. */
  readonly open?: boolean;
  readonly answer: Answer;
}

/** Answers every request of the board. */
export function boardListener(board: Board): RequestListener {
  const routes = routesOf(board);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const refusal = board.access.refusal(request.headers, { localAddress: request.socket.localAddress });
    if (refusal === 421) return text(response, 421, 'The Host of the request is no name of this server: see `hosts`.');
    if (refusal === 403) return text(response, 403, 'Requests of other sites are refused.');
    const [pathname = '/', query] = (request.url ?? '/').split('?', 2);
    const route = routes.get(pathname);
    if (!route) return text(response, 404, 'There is nothing here.');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method !== route.method) {
      response.setHeader('allow', route.method === 'GET' ? 'GET, HEAD' : route.method);
      return text(response, 405, `Only ${route.method} is answered here.`);
    }
    if (!route.open && !board.access.allows(request.headers)) {
      response.setHeader('www-authenticate', 'Bearer');
      return text(response, 401, 'The token is missing or wrong.');
    }
    await route.answer(request, response, new URLSearchParams(query));
  };
  return (request, response) => {
    answer(request, response).catch(() => {
      // The reason may quote data, and so stays here.
      if (response.headersSent) response.destroy();
      else text(response, 500, 'The board failed to answer.');
    });
  };
}

function routesOf({ access, records, feed, files, health, registry }: Board): ReadonlyMap<string, Route> {
  const page = (name: PageFileName): Route => ({
    method: 'GET',
    open: true,
    answer: async (_, response) => {
      const file = await files.read(name).catch(() => undefined);
      if (!file) return text(response, 500, `${name} is missing: npm run build makes it.`);
      response.setHeader('content-type', file.type).end(file.content);
    },
  });
  const answerHealth = healthListener(health);
  const routes = new Map<string, Route>([
    ['/', page('index.html')],
    ['/page.js', page('page.js')],
    ['/page.css', page('page.css')],
    ['/api/session', { method: 'POST', open: true, answer: (request, response) => signIn(access, request, response) }],
    ['/api/streams', { method: 'GET', answer: (_, response) => json(response, listOf(records)) }],
    ['/api/events', { method: 'GET', answer: (...all) => follow(feed, ...all) }],
    ['/api/batch', { method: 'GET', answer: (_, response, query) => detail(records, response, query) }],
  ]);
  // For probes, which have no token. Names and statuses of streams, and no more.
  for (const path of ['/healthz', '/livez', '/readyz']) {
    routes.set(path, { method: 'GET', open: true, answer: answerHealth });
  }
  if (registry) {
    const answer: Answer = async (_, response) => {
      const metrics = await registry.metrics();
      response.setHeader('content-type', registry.contentType).end(metrics);
    };
    routes.set('/metrics', { method: 'GET', answer });
  }
  return routes;
}

async function signIn(access: Access, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Where no token is needed, a link with one works all the same.
  if (access.allows({})) {
    response.writeHead(204).end();
    return;
  }
  const token = await bodyOf(request);
  const cookie = token === undefined ? undefined : access.exchange(token);
  if (cookie === undefined) return text(response, 401, 'The token is wrong.');
  response.setHeader('set-cookie', cookie).writeHead(204).end();
}

/** The body as text; `undefined` when it is longer than any token. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > maxBodyBytes) return undefined;
  }
  return body;
}

function follow(feed: PageFeed, request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  if (feed.full) {
    response.setHeader('retry-after', '10');
    text(response, 503, 'Too many pages are open.');
    return;
  }
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  // An EventSource that is made again cannot set the header.
  const header = request.headers['last-event-id'];
  const lastId = (Array.isArray(header) ? header[0] : header) ?? query.get('after') ?? undefined;
  feed.add(new EventStream(response), query.get('stream') ?? undefined, lastId);
}

function detail(records: ReadonlyMap<string, StreamRecord>, response: ServerResponse, query: URLSearchParams): void {
  const found = records.get(query.get('stream') ?? '')?.detail(query.get('id') ?? '');
  if (found) json(response, found);
  else text(response, 404, 'This batch is no longer kept.');
}

function listOf(records: ReadonlyMap<string, StreamRecord>): StreamList {
  return { streams: Array.from(records.values(), (record) => record.view()) };
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
}

function text(response: ServerResponse, status: number, message: string): void {
  response.setHeader('content-type', 'text/plain; charset=utf-8').writeHead(status).end(`${message}\n`);
}
