import type { StateDescription } from '../batch/batchState.js';
import { IncompatibleStateError, InvalidOptionError } from '../batch/errors.js';
import type { Key } from '../batch/key.js';
import { checkFunction, checkText } from '../options/checks.js';
import type { RestoredState } from '../state/checkpoint.js';
import { readsSignature } from '../state/readsSignature.js';
import type { Division } from './splitters.js';

/** The part of a `StateDescription` that `splitCheckpoint` needs: of a state with keys and values of any type. */
export interface SplitDescription
  extends Pick<StateDescription<Key, unknown>, 'operator' | 'id' | 'signature' | 'reads' | 'version'> {
  /** What of the state of a key goes to a task. */
  readonly split?: ((key: never, state: never, mine: (key: Key) => boolean) => unknown) | undefined;
}

/** It may have more than is needed here: it is what the operator opens its state with. */
export function checkDescription(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidOptionError(owner, option, value, 'must be the description of a state');
  }
  const { operator, id, split } = value as Partial<SplitDescription>;
  checkText(owner, `${option}.operator`, operator);
  checkText(owner, `${option}.id`, id);
  if (split !== undefined) checkFunction(owner, `${option}.split`, split);
}

/**
 * How the operator of a user divides its state.
 *
 * @throws {InvalidOptionError} when it does not say so
 * @throws {IncompatibleStateError} when it would not read what was saved
 */
export function ownDivision(own: SplitDescription, id: string, saved: RestoredState): Division {
  const { operator, signature = '', version = 0, split } = own;
  if (!split) {
    const rule = `is a state of ${operator}, whose description has no split: say there which keys go to a task, or drop it first`;
    throw new InvalidOptionError('splitCheckpoint', 'states', id, rule);
  }
  if (saved.operator !== operator || !readsSignature(own, saved.signature) || saved.version !== version) {
    const shown = (of: Pick<RestoredState, 'operator' | 'signature' | 'version'>) =>
      `${`${of.operator} ${of.signature}`.trim()}, version ${of.version}`;
    const rule = 'splitCheckpoint needs the description under which the state was saved';
    throw new IncompatibleStateError(id, shown(saved), shown({ operator, signature, version }), rule);
  }
  // Each of its keys was in one task.
  return { split: split as unknown as Division['split'], join: () => undefined };
}
