import type { CommittedState } from '../../batch/committedState.js';
import type { Key } from '../../batch/key.js';
import type { OptionChecks } from '../../options/checkOptions.js';
import { withMethods } from '../../options/checks.js';
import { mappedState } from '../../state/mappedState.js';
import type { QueryableState } from '../../state/queryable.js';

/** The option of every operator whose state can be read from outside. */
export interface QueryableOption<K extends Key, S> {
  /**
   * Created by `queryable()`: what the operator holds as of the last complete batch, readable from outside. Default: not readable.
   */
  readonly queryable?: QueryableState<K, S> | undefined;
}

export const queryableChecks: OptionChecks<QueryableOption<never, never>> = { queryable: withMethods('connect') };

/** Any `queryable()`, for code that does not know its types. */
export interface Shown {
  connect(state: CommittedState<never, never>): void;
}

/** Shows the states that an operator keeps in another form. */
export function shownIn<K extends Key, S, R>(
  queryable: Shown | undefined,
  show: (state: S) => R,
): { connect(state: CommittedState<K, S>): void } | undefined {
  return (
    queryable && { connect: (state) => queryable.connect(mappedState(state, show) as CommittedState<never, never>) }
  );
}
