import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePorts } from '../../scripts/free-ports.mjs';

it('are below those of outgoing connections, and free', async () => {
  const ports = (await Promise.all([freePorts(3), freePorts(3)])).flat();
  expect(new Set(ports).size).toBe(6);
  for (const port of ports) {
    expect(port).toBeGreaterThanOrEqual(10_000);
    expect(port).toBeLessThan(32_000);
  }
});

it('are passed over where somebody listens', async () => {
  const [port = 0] = await freePorts(1);
  const server = createServer();
  // Or somebody else does already.
  await new Promise<void>((resolve) => server.once('error', () => resolve()).listen(port + 1, '127.0.0.1', resolve));
  expect(await freePorts(2)).not.toContain(port + 1);
  await new Promise((resolve) => server.close(resolve));
});
