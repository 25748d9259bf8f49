// Serves the built site on loopback as a host of static files does: text compressed, 404.html for what is not there.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { root } from './install.mjs';

const built = join(root, 'docs/.vitepress/dist');
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
};

/** Returns the address, with a slash at its end, and what ends it. */
export async function serveSite(dist = built) {
  if (!existsSync(dist)) throw new Error('the site is not built: npm run docs');
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname).replace(/\/$/, '/index.html');
    const file = join(dist, path);
    const found = file.startsWith(dist) && existsSync(file) && extname(file) !== '';
    const body = readFileSync(found ? file : join(dist, '404.html'));
    const type = types[found ? extname(file) : '.html'] ?? 'application/octet-stream';
    const isText = /^text|svg/.test(type);
    response.writeHead(found ? 200 : 404, { 'content-type': type, ...(isText && { 'content-encoding': 'gzip' }) });
    response.end(isText ? gzipSync(body) : body);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
