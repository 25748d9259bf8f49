import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/batch/errors/messageOf.js';

class Unreadable extends Error {
  override get message(): string {
    throw new Error('cannot be read');
  }
}

describe('messageOf', () => {
  it('returns the message of an error, and any other value as a text', () => {
    expect(messageOf(new TypeError('no such key'))).toBe('no such key');
    expect([messageOf('late'), messageOf(3n), messageOf(undefined), messageOf(Symbol('a'))]).toEqual([
      'late',
      '3',
      'undefined',
      'Symbol(a)',
    ]);
  });

  it('throws for nothing that a function may throw', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    expect(messageOf(Object.create(null))).toBe('[object Object]');
    expect(messageOf(new Unreadable())).toBe('[object Error]');
    expect(messageOf(Object.assign(new Error(), { message: Object.create(null) }))).toBe('[object Error]');
    revoke();
    expect(messageOf(proxy)).toBe('an error without a text');
  });
});
