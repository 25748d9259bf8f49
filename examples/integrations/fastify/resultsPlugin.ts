import type { ServerResponse } from 'node:http';
import type { FastifyPluginAsync } from 'fastify';
import { type Observable, ReplaySubject, share } from 'rxjs';

export interface ResultsOptions {
  /** Each of its values becomes an event. */
  readonly results: Observable<unknown>;
}

/** Serves `/events`: one subscription for all viewers, and each sees the latest result at once. */
export const resultsPlugin: FastifyPluginAsync<ResultsOptions> = async (app, { results }) => {
  const shared = results.pipe(share({ connector: () => new ReplaySubject(1), resetOnRefCountZero: false }));
  const viewers = new Set<ServerResponse>();
  // Fastify's close waits for requests, and these do not end by themselves.
  app.addHook('preClose', async () => {
    for (const viewer of viewers) viewer.end();
  });
  app.get('/events', (request, reply) => {
    // The response is written here from now on, without Fastify.
    reply.hijack();
    const { raw } = reply;
    viewers.add(raw);
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    raw.flushHeaders();
    const subscription = shared.subscribe({
      next: (result) => {
        // A viewer who does not read misses results, and nothing queues up for them.
        if (!raw.writableNeedDrain) raw.write(`data: ${JSON.stringify(result)}\n\n`);
      },
      // The browser connects again by itself, to a stream that has started again.
      error: (error) => {
        request.log.error(error);
        raw.end();
      },
      complete: () => raw.end(),
    });
    raw.on('close', () => {
      viewers.delete(raw);
      subscription.unsubscribe();
    });
  });
};
