import { withMethods } from '../options/checks.js';
import type { Health } from './health.js';
import { healthAnswer } from './healthAnswer.js';

/**
 * Answers probes over HTTP: a `Request` to a `Response`, so that Hono, Deno, Bun and Next take it as it is. A path that ends in
 * `/live` or `/livez` asks for liveness, any other for readiness. The status is 200 or 503, the body the whole report as JSON;
 * methods other than GET and HEAD are refused with 405.
 *
 * @throws {InvalidOptionError} when `health` is not the result of `health()`
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
export function healthHandler(health: Pick<Health, 'check'>): (request: Request) => Response {
  withMethods('check')('healthHandler', 'health', health);
  return ({ method, url }) => {
    const { body, ...init } = healthAnswer(health, method, new URL(url).pathname);
    return new Response(body, init);
  };
}
