import type { Health } from './health.js';

/**
 * Answers probes over HTTP: a `Request` to a `Response`, so that Hono, Deno, Bun and Next take it as it is. A path that ends in
 * `/live` or `/livez` asks for liveness, any other for readiness. The status is 200 or 503, the body the whole report as JSON;
 * methods other than GET and HEAD are refused with 405.
 *
 * @see health
 *
 * @example
 * ```ts
 * import { health, healthHandler } from 'dstream';
 *
 * const answer = healthHandler(health());
 * console.log(answer(new Request('http://localhost/live')).status, answer(new Request('http://localhost/ready')).status);
 * // => 200 503
 * ```
 */
export function healthHandler(health: Health): (request: Request) => Response {
  return ({ method, url }) => {
    if (method !== 'GET' && method !== 'HEAD')
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
    const report = health.check();
    const healthy = /\/livez?$/.test(new URL(url).pathname) ? report.live : report.ready;
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    return new Response(method === 'HEAD' ? null : JSON.stringify(report), { status: healthy ? 200 : 503, headers });
  };
}
