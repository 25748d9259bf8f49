import type { RequestListener } from 'node:http';
import { withMethods } from '../../options/checks.js';
import type { Health } from '../health.js';
import { healthAnswer } from '../healthAnswer.js';

/**
 * The same as `healthHandler`, for `node:http`: a path that ends in `/live` or `/livez` asks for liveness, any other for
 * readiness. The status is 200 or 503, the body the whole report as JSON; methods other than GET and HEAD are refused with 405.
 *
 * @throws {InvalidOptionError} when `health` is not the result of `health()`
 *
 * @see health
 * @see healthHandler
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import { createServer } from 'node:http';
 * import type { AddressInfo } from 'node:net';
 * import { health } from 'dstream';
 * import { healthListener } from 'dstream/node';
 *
 * const server = createServer(healthListener(health())).listen(0, '127.0.0.1');
 * await once(server, 'listening');
 * const { port } = server.address() as AddressInfo;
 * console.log((await fetch(`http://127.0.0.1:${port}/live`)).status, (await fetch(`http://127.0.0.1:${port}/ready`)).status);
 * server.close();
 * // => 200 503
 * ```
 */
export function healthListener(health: Pick<Health, 'check'>): RequestListener {
  withMethods('check')('healthListener', 'health', health);
  return ({ method = 'GET', url = '/' }, response) => {
    const [pathname = '/'] = url.split('?', 1);
    const { status, headers, body } = healthAnswer(health, method, pathname);
    response.writeHead(status, headers).end(body);
  };
}
