import { DStreamError, InvalidStateError } from '../batch/errors.js';
import type { Key } from '../batch/key.js';
import { copyFault } from '../collections/copyFault.js';

/** Which state it is, for the error. */
interface StateName {
  readonly operator: string;
  readonly id?: string | undefined;
}

/**
 * Encodes or copies states, after checking that they will come back as they are: after a restart it would be too late.
 *
 * @throws {InvalidStateError} when a state contains something that cannot be restored
 */
export function encodeSavable<T>(
  name: StateName,
  states: Iterable<readonly [key: Key, state: unknown]>,
  encode: () => T,
): T {
  for (const [key, state] of states) {
    const fault = copyFault(state);
    if (fault === undefined) continue;
    const rule = `it${fault}; a state must be plain data, or built-in objects that structuredClone copies, at most 1,000 deep`;
    throw new InvalidStateError(name.operator, name.id, key, rule);
  }
  try {
    return encode();
  } catch (error) {
    // What cannot be seen beforehand, such as a Proxy.
    if (!(error instanceof DStreamError)) throwUncopied(name, states);
    throw error;
  }
}

function throwUncopied({ operator, id }: StateName, states: Iterable<readonly [key: Key, state: unknown]>): void {
  for (const [key, state] of states) {
    try {
      structuredClone(state);
    } catch (cause) {
      const rule = `structuredClone cannot copy it: ${(cause as Error).message}`;
      throw new InvalidStateError(operator, id, key, rule, { cause });
    }
  }
}
