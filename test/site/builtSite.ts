import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const dist = fileURLToPath(new URL('../../docs/.vitepress/dist/', import.meta.url));

/** The pages of the built site, such as `operators/window.html`. */
export function sitePages(): readonly string[] {
  if (!existsSync(dist)) throw new Error('the site is not built: npm run docs');
  return readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.html') && !path.startsWith('playground/'))
    .sort();
}

export const readPage = (path: string): string => readFileSync(join(dist, path), 'utf8');

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
};

/** Serves the built site as a host of static files does. */
export async function serveSite(): Promise<{ readonly url: string; close(): void }> {
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname).replace(/\/$/, '/index.html');
    const file = join(dist, path);
    const found = file.startsWith(dist) && existsSync(file) && extname(file) !== '';
    response.writeHead(found ? 200 : 404, { 'content-type': types[extname(file)] ?? 'text/html; charset=utf-8' });
    response.end(readFileSync(found ? file : join(dist, '404.html')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}
