import { InvalidRecordError } from '../batch/errors.js';

/**
 * The state of one key, as `mapWithState` passes it to the user's function. Valid only during the call: one handle serves all
 * keys.
 *
 * Source: Spark's `State`.
 */
export class StateHandle<S> {
  #state: S | undefined;
  #timingOut = false;
  #updated = false;
  #removed = false;

  /** Whether the key has a state. */
  get exists(): boolean {
    return this.#state !== undefined;
  }

  /** Whether this is the last call for the key, because its state timed out: it cannot be updated or removed. */
  get isTimingOut(): boolean {
    return this.#timingOut;
  }

  /** The state, or `undefined`. */
  get(): S | undefined {
    return this.#state;
  }

  /**
   * Sets the state of the key.
   * @throws {InvalidRecordError} if the state is timing out, or `state` is `undefined`
   */
  update(state: S): void {
    this.#refuseTimingOut('updated');
    if (state === undefined) throw new InvalidRecordError('mapWithState', state, 'is not a state: use remove()');
    this.#state = state;
    this.#updated = true;
    this.#removed = false;
  }

  /**
   * Removes the state of the key.
   * @throws {InvalidRecordError} if the state is timing out
   */
  remove(): void {
    this.#refuseTimingOut('removed');
    this.#state = undefined;
    this.#removed = true;
    this.#updated = false;
  }

  /** @internal */
  get updated(): boolean {
    return this.#updated;
  }

  /** @internal */
  get removed(): boolean {
    return this.#removed;
  }

  /** @internal Moves to another key. */
  open(state: S | undefined, timingOut: boolean): void {
    this.#state = state;
    this.#timingOut = timingOut;
    this.#updated = false;
    this.#removed = false;
  }

  #refuseTimingOut(what: string): void {
    if (this.#timingOut)
      throw new InvalidRecordError('mapWithState', this.#state, `is timing out and cannot be ${what}`);
  }
}
