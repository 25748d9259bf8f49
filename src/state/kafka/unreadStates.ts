import type { Key } from '../../batch/key.js';
import { stateFromBytes } from '../../storage/stateBytes.js';
import { KeyTable } from '../keyTable.js';

/** Shorter ones are read together, which takes less time, and they take less memory, than objects that name the bytes of each. */
export const minUnreadBytes = 256;

/** The bytes of a state that nobody has asked for. */
export class UnreadState {
  readonly #block: Buffer;
  readonly #start: number;
  readonly #length: number;

  /** The bytes stay as they are. */
  constructor(block: Buffer, start: number, length: number) {
    this.#block = block;
    this.#start = start;
    this.#length = length;
  }

  read(): unknown {
    // What V8 returns may be a view of its bytes.
    const bytes = Buffer.from(this.#block.subarray(this.#start, this.#start + this.#length));
    return stateFromBytes(bytes, this.#length);
  }
}

/** States of which some are bytes until they are first asked for, each by itself. */
export class UnreadStates extends KeyTable<Key, unknown> {
  readonly #corrupt: (failure: Error) => Error;

  /** `corrupt` returns the error for a state that cannot be read. */
  constructor(corrupt: (failure: Error) => Error) {
    super();
    this.#corrupt = corrupt;
  }

  override get(key: Key): unknown {
    const state = super.get(key);
    return state instanceof UnreadState ? this.#read(key, state) : state;
  }

  override *entries(): IterableIterator<[Key, unknown]> {
    for (const entry of super.entries()) {
      const [key, state] = entry;
      yield state instanceof UnreadState ? [key, this.#read(key, state)] : entry;
    }
  }

  /** It has just been looked up or visited: to set it takes no other look. */
  #read(key: Key, unread: UnreadState): unknown {
    let state: unknown;
    try {
      state = unread.read();
    } catch (error) {
      throw this.#corrupt(error as Error);
    }
    this.set(key, state);
    return state;
  }
}
