import { byKey } from './byKey.js';
import type { Compared } from './compared.js';
import { byEventTime } from './eventTime.js';
import { outputs } from './outputs.js';
import { records } from './records.js';
import { state } from './state.js';
import { twoStreams } from './twoStreams.js';
import { windows } from './windows.js';

/** By the name of the operator, with what it was given after a comma. */
export const table: Readonly<Record<string, Compared>> = {
  ...records,
  ...byKey,
  ...twoStreams,
  ...windows,
  ...byEventTime,
  ...state,
  ...outputs,
};
