import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StreamMonitor } from 'dstream';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';

export interface MetricsServer {
  readonly monitor: StreamMonitor;
  close(): void;
}

/** Serves the metrics of the streams that the monitor watches, on the loopback interface. */
export async function serveMetrics(port: number): Promise<MetricsServer> {
  const monitor = prometheusMonitor({ client });
  const server = createServer(async (request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('content-type', client.register.contentType);
    response.end(await client.register.metrics());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  console.log(`metrics: http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  return {
    monitor,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
