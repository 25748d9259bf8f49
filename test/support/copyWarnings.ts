import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach } from 'vitest';

/** Takes the warnings of copies in each test of a file, and does not print them. `warned` resolves to those since it was called last. */
export function copyWarnings(): { readonly warnings: readonly string[]; warned(): Promise<string> } {
  const warnings: string[] = [];
  const listen = (warning: Error & { readonly code?: string }) => {
    if (warning.code === 'DSTREAM_CHANGELOG_COPY') warnings.push(warning.message);
  };
  const printing = process.listeners('warning');
  beforeEach(() => {
    for (const one of printing) process.off('warning', one);
    process.on('warning', listen);
  });
  afterEach(async () => {
    // They are emitted in a later turn.
    await sleep(0);
    process.off('warning', listen);
    for (const one of printing) process.on('warning', one);
    warnings.length = 0;
  });
  const warned = async () => {
    await sleep(0);
    return warnings.splice(0).join('\n');
  };
  return { warnings, warned };
}
