import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What `Access` decides by. */
export interface AccessOptions {
  /** `undefined`: everybody who reaches the port may read. */
  readonly token: string | undefined;
  /** Names and addresses, beside those of the socket, that a request may have in `Host`. */
  readonly hosts: readonly string[];
}

/** Where a request arrived. */
export interface ArrivedAt {
  /** The address of this machine that the connection was made to. */
  readonly localAddress: string | undefined;
}

/**
 * Who may read the board. Decides by headers alone:
 *
 * - `Host` must name this server. A page of another site can make its own name resolve to this address (DNS rebinding) and
 *   would then be of the same origin; the name in `Host` is what it cannot change.
 * - A request that a browser sends for another origin is refused.
 * - With a token, data needs the token or the cookie that it was exchanged for.
 */
export class Access {
  readonly #token: string | undefined;
  readonly #hosts: ReadonlySet<string>;
  readonly #key = randomBytes(32);
  readonly #cookieName: string;
  readonly #cookieValue: string;

  constructor({ token, hosts }: AccessOptions) {
    this.#token = token;
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()));
    // Both are derived from the token, so that a page is still signed in after a restart of the server, two boards on one
    // host do not overwrite each other's cookies, and the cookie does not contain the token.
    this.#cookieName = `dstream-${derived(token ?? '', 'name').slice(0, 12)}`;
    this.#cookieValue = derived(token ?? '', 'session');
  }

  /** The status with which a request is refused, with or without a token; `undefined` when it is not. */
  refusal(headers: IncomingHttpHeaders, { localAddress }: ArrivedAt): 403 | 421 | undefined {
    const name = hostName(headers.host);
    if (name === undefined || !(this.#hosts.has(name) || name === plainAddress(localAddress))) return 421;
    return isForeign(headers) ? 403 : undefined;
  }

  /** Whether a request may have data. */
  allows({ authorization, cookie }: IncomingHttpHeaders): boolean {
    if (this.#token === undefined) return true;
    const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (bearer !== undefined && this.#equal(bearer, this.#token)) return true;
    const session = cookieOf(cookie, this.#cookieName);
    return session !== undefined && this.#equal(session, this.#cookieValue);
  }

  /** The `Set-Cookie` header for a token; `undefined` for a wrong one. */
  exchange(token: string): string | undefined {
    if (this.#token === undefined || !this.#equal(token, this.#token)) return undefined;
    return `${this.#cookieName}=${this.#cookieValue}; Path=/; HttpOnly; SameSite=Strict`;
  }

  /** In constant time, also for different lengths: digests under a key of this process are compared. */
  #equal(given: string, expected: string): boolean {
    const digest = (text: string) => createHmac('sha256', this.#key).update(text).digest();
    return timingSafeEqual(digest(given), digest(expected));
  }
}

function derived(token: string, purpose: string): string {
  return createHmac('sha256', token).update(`dstream dashboard ${purpose}`).digest('hex');
}

/** The name in a `Host` header, without its port, which a forwarded port changes. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(?:\[([\da-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i.exec(host ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Sockets that take both protocols show an IPv4 address inside an IPv6 one. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '').toLowerCase();
}

/** Whether a browser says that a page of another origin sends the request. To follow a link from there is fine. */
function isForeign(headers: IncomingHttpHeaders): boolean {
  const { origin, host } = headers;
  if (origin !== undefined && !/^https?:\/\//.test(origin)) return true;
  if (origin !== undefined && origin.replace(/^https?:\/\//, '').toLowerCase() !== host?.toLowerCase()) return true;
  const site = headers['sec-fetch-site'];
  const linked = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return (site === 'cross-site' || site === 'same-site') && !linked;
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}
