import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Access } from '../../src/dashboard/server/access.js';

const token = 'correct-horse-battery';
const at = { localAddress: '10.0.0.7' };
const access = new Access({ token, hosts: ['localhost', '127.0.0.1', '::1', 'Board.example'] });
const open = new Access({ token: undefined, hosts: ['localhost'] });

/** The cookie as a browser sends it back. */
function cookieOf(given: Access): string {
  return given.exchange(token)?.split(';')[0] ?? '';
}

describe('the Host of a request', () => {
  it.each([
    'localhost',
    'localhost:4040',
    'LOCALHOST:8080',
    '127.0.0.1:4040',
    '[::1]:4040',
    'board.example',
    '10.0.0.7:4040',
  ])('may be %s', (host) => {
    expect(access.refusal({ host }, at)).toBeUndefined();
  });

  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:4040',
    'localhost.evil.example',
    'localhost:4040@evil.example',
    'evil.example, localhost',
    'localhost:',
    '10.0.0.8:4040',
    '[::1',
    '::1',
  ])('may not be %s', (host) => {
    expect(access.refusal({ ...(host !== undefined && { host }) }, at)).toBe(421);
  });

  it('may be the IPv4 address that a socket for both protocols shows inside an IPv6 one', () => {
    expect(access.refusal({ host: '10.0.0.7:4040' }, { localAddress: '::ffff:10.0.0.7' })).toBeUndefined();
  });
});

describe('the origin of a request', () => {
  const host = 'localhost:4040';

  it.each([
    { host, origin: 'http://localhost:4040', 'sec-fetch-site': 'same-origin' },
    // Behind a proxy that speaks TLS.
    { host: 'board.example', origin: 'https://board.example' },
    { host, 'sec-fetch-site': 'none' },
    // A link on another page.
    { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { host },
  ])('may be %o', (headers) => {
    expect(access.refusal(headers, at)).toBeUndefined();
  });

  it.each([
    { host, origin: 'http://evil.example' },
    { host, origin: 'http://localhost:3000' },
    { host, origin: 'null' },
    { host, 'sec-fetch-site': 'cross-site' },
    { host, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
    { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
  ])('may not be %o', (headers) => {
    expect(access.refusal(headers, at)).toBe(403);
  });
});

describe('the token', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });

  it('is needed only where one is set', () => {
    expect([open.allows({}), access.allows({})]).toEqual([true, false]);
    expect(open.exchange('')).toBeUndefined();
  });

  it('is exchanged for a cookie that no script reads and no other site sends', () => {
    const cookie = access.exchange(token);
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(token);
    expect(access.allows({ cookie: `theme=dark; ${cookieOf(access)}` })).toBe(true);
    expect(access.allows({ authorization: `Bearer ${token}` })).toBe(true);
  });

  it('leaves a page signed in after a restart with the same token, and not with another', () => {
    expect(new Access({ token, hosts: [] }).allows({ cookie: cookieOf(access) })).toBe(true);
    expect(new Access({ token: `${token}!`, hosts: [] }).allows({ cookie: cookieOf(access) })).toBe(false);
  });

  const wrong = ['', 'c', token.slice(1), `${token} `, token.toUpperCase(), `x${token.slice(1)}`, 'x'.repeat(10_000)];

  it.each(wrong)('is refused when wrong: %s', (given) => {
    expect(access.exchange(given)).toBeUndefined();
    expect(access.allows({ authorization: `Bearer ${given}` })).toBe(false);
    expect(access.allows({ cookie: `${cookieOf(access).split('=')[0]}=${given}` })).toBe(false);
  });

  it('is compared in constant time, whatever the length of what is given', () => {
    const compared = vi.spyOn(crypto, 'timingSafeEqual');
    syncBuiltinESMExports();
    for (const given of wrong) access.exchange(given);
    const lengths = compared.mock.calls.flatMap(([a, b]) => [a.byteLength, b.byteLength]);
    expect(lengths).toEqual(wrong.flatMap(() => [32, 32]));
  });
});
