import { countByValue, receiverBatches, transformBatch } from 'dstream';
import Fastify from 'fastify';
import { interval, map } from 'rxjs';
import { resultsPlugin } from './resultsPlugin.js';

const pages = ['/', '/', '/cart', '/help'];
// From Kafka it is the same with `kafkaBatches`.
const clicks = receiverBatches(interval(100).pipe(map((i) => pages[(i * i) % pages.length] ?? '/')), {
  interval: 1_000,
});
const results = clicks.pipe(
  countByValue(),
  transformBatch((counts) => [...counts].sort(([, a], [, b]) => b - a)),
  map(({ records, context }) => ({ time: context.time, pages: records })),
);

const app = Fastify({ logger: true, forceCloseConnections: true });
await app.register(resultsPlugin, { results });
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    // Open batches are finished first, so that viewers see them.
    await clicks.stop();
    await app.close();
  });
}
await app.listen({ port: Number(process.env.PORT ?? 3_000) });
