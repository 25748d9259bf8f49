import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { hasChromium, launchChromium } from '../support/chromium.js';

const src = (file: string) => fileURLToPath(new URL(`../../src/${file}`, import.meta.url));

// A whole pipeline on the log in memory, with real timers, in the page.
const page = `
import { foreachBatch, logBatches, mapRecords, memoryLog, pid, reduceByKeyAndWindow, string } from 'dstream';
const log = memoryLog({ topics: { words: 2 } });
log.append('words', ['a', 'b', 'a'].map((value) => ({ key: value, value })));
const stream = logBatches(log, {
  topics: ['words'], start: 'earliest', interval: 20, deserialize: string(), backpressure: pid(), initialRate: 1_000,
});
const seen = [];
stream
  .pipe(
    mapRecords((word) => [word, 1]),
    reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 40 }),
    foreachBatch((counts) => { seen.push(counts.length); }),
  )
  .subscribe({
    next: ({ records }) => { if (seen.length === 3) { globalThis.seen = seen; void stream.stop(); } },
    error: (error) => { globalThis.seen = String(error); },
    complete: () => { globalThis.complete = true; },
  });
`;

// Debian's chromium: .ci/run installs it. Elsewhere the test says that it was left out.
describe.skipIf(!hasChromium)('in a browser', () => {
  it('runs a pipeline', async () => {
    const alias = { dstream: src('index.ts') };
    const { outputFiles } = await build({
      stdin: { contents: page, resolveDir: src('') },
      alias,
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'iife',
    });
    const script = outputFiles[0]?.text ?? '';
    const server = createServer((_, response) => response.end('<!doctype html><title>dstream</title>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const browser = await launchChromium();
    try {
      const tab = await browser.newPage();
      tab.setDefaultTimeout(300_000);
      await tab.goto(`http://127.0.0.1:${port}/`);
      await tab.addScriptTag({ content: script });
      await tab.waitForFunction('globalThis.complete === true', undefined, { timeout: 300_000 });
      const seen = (await tab.evaluate('globalThis.seen')) as number[];
      expect(seen.slice(0, 3)).toEqual([2, 2, 0]);
      // Batches that were due on a slow machine before it was stopped.
      expect(seen.slice(3).filter((count) => count !== 0)).toEqual([]);
    } finally {
      await browser.close();
      server.close();
    }
  });
});
