import { inspect } from 'node:util';
import { expect } from 'vitest';

/** What an error says is in its message, its causes and every field, also those that only a debugger shows. */
export function expectNoSecret(error: unknown, secret: string): void {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  for (let one = error; one instanceof Error; one = one.cause) {
    const said = {
      text: `${one.message} ${String(one)} ${one.stack}`,
      json: JSON.stringify({ ...one, message: one.message, cause: one.cause }),
      inspected: inspect(one, { depth: Infinity, showHidden: true, maxStringLength: null, maxArrayLength: null }),
    };
    for (const [where, text] of Object.entries(said)) {
      expect(text.length, where).toBeGreaterThan(1);
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), base64]) expect(text, where).not.toContain(form);
    }
  }
}
