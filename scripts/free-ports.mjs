import { createServer } from 'node:net';

/**
 * Below those that systems give to outgoing connections: one of these may take a port between the look at it and its use. Where processes
 * look at the same time, each begins elsewhere.
 */
const [first, end] = [10_000, 32_000];
let next = first + ((process.pid * 7_919) % (end - first));

/** Ports of 127.0.0.1 on which nobody listens, all different. */
export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) {
    const port = next;
    next = port + 1 < end ? port + 1 : first;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
