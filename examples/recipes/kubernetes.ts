// # In Kubernetes
//
// Probes ask `health`, and SIGTERM stops the stream: planned batches are finished and saved, and the process ends within
// `terminationGracePeriodSeconds`. Run one replica with `strategy: Recreate`, or two with `membership: 'exclusive'`, of which one is on
// standby; several that share the work are `kafkaTasks`. The probes of the container are `httpGet` on the paths `/live` and `/ready`. The page on
// Kubernetes has manifests.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { foreachBatch, fromBatches, health } from 'dstream';
import { healthListener } from 'dstream/node';
import { lastValueFrom } from 'rxjs';

const probes = health();
const server = createServer(healthListener(probes)).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const probe = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;

const stream = fromBatches([['a'], ['b']], { interval: 50, emptyAfter: Infinity, monitors: [probes] });
process.once('SIGTERM', async () => {
  const { aborted } = await stream.stop({ drainTimeout: 20_000 });
  console.log('stopped; aborted batches:', aborted.length);
});

console.log('before the start', await probe('/ready'));
const job = stream.pipe(
  foreachBatch(async ([letter]) => {
    if (letter === 'b') console.log('at work', await probe('/ready'), await probe('/live'));
  }),
);
// The orchestrator sends it.
setTimeout(() => process.emit('SIGTERM'), 400);
await lastValueFrom(job);
server.closeAllConnections();
server.close();
// => before the start 503
// => at work 200 200
// => stopped; aborted batches: 0
