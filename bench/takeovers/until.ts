import { setTimeout as sleep } from 'node:timers/promises';

const limitMs = 180_000;

/** @throws {Error} when it takes three minutes */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const from = performance.now();
  while (!holds()) {
    if (performance.now() - from > limitMs) throw new Error(`waited for ${limitMs} ms until ${what}`);
    await sleep(20);
  }
}
