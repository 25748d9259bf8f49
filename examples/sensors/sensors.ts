import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { lineOf, readingsAt } from './reading.js';

/** A gateway of sensors: sends a line for each sensor ten times a second to everybody who connects. Resolves to its port. */
export async function startSensors(port = 0): Promise<{ readonly port: number; close(): void }> {
  let tick = 0;
  const server = createServer((socket) => {
    const timer = setInterval(() => {
      for (const reading of readingsAt(tick++)) socket.write(`${lineOf(reading)}\n`);
    }, 100);
    socket.on('error', () => {});
    socket.on('close', () => clearInterval(timer));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
