// node scripts/lcp.mjs [PAGE...]: the Largest Contentful Paint of pages of the built site in Chromium, with a processor and a network as slow as
// those of Lighthouse (four times slower, 150 ms a round trip, 1.6 Mbit/s). Fails where one takes longer than 1.5 s in the best of three.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { ensureInstalled, root } from './install.mjs';

ensureInstalled();
const limitMs = 1_500;
const rounds = 3;
const dist = join(root, 'docs/.vitepress/dist');
const named = process.argv.slice(2);
const pages =
  named.length > 0
    ? named
    : ['index.html', 'operators/window.html', 'api/core/foreachBatch.html', 'examples/clickstream.html'];
if (!existsSync(dist)) throw new Error('the site is not built: npm run docs');

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname);
  const file = join(dist, path.endsWith('/') ? `${path}index.html` : path);
  if (!file.startsWith(dist) || !existsSync(file)) return void response.writeHead(404).end();
  const type = types[extname(file)];
  const body = readFileSync(file);
  // As hosts of static files do.
  if (!type) return void response.end(body);
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-encoding': 'gzip' }).end(gzipSync(body));
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});

/** Of one load, with nothing in the cache, in ms. */
async function measure(path) {
  const context = await browser.newContext({ viewport: { width: 412, height: 823 } });
  try {
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    const bytesPerSecond = (1.6 * 1024 * 1024) / 8;
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 150,
      downloadThroughput: bytesPerSecond,
      uploadThroughput: bytesPerSecond / 2,
    });
    await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    await page.goto(`http://127.0.0.1:${server.address().port}/${path}`, {
      waitUntil: 'networkidle',
      timeout: 120_000,
    });
    return await page.evaluate(
      () =>
        new Promise((resolve) => {
          const observer = new PerformanceObserver((list) => resolve(list.getEntries().at(-1)?.startTime));
          observer.observe({ type: 'largest-contentful-paint', buffered: true });
        }),
    );
  } finally {
    await context.close();
  }
}

try {
  for (const path of pages) {
    const times = [];
    for (let round = 0; round < rounds; round++) times.push(Math.round(await measure(path)));
    const best = Math.min(...times);
    console.log(`${path}: ${best} ms (${times.join(', ')})${best > limitMs ? `, more than ${limitMs}` : ''}`);
    if (best > limitMs) process.exitCode = 1;
  }
} finally {
  await browser.close();
  server.close();
}
