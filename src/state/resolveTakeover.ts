import type { OptionChecks } from '../options/checkOptions.js';
import { checkPositiveInteger, oneOf } from '../options/checks.js';
import { type Acquisition, defaultLeaseTimeMs, type TakeoverOptions } from '../storage/takeover.js';
import type { OpenOptions } from './checkpoint.js';

export const takeoverChecks: OptionChecks<TakeoverOptions> = {
  takeover: oneOf('wait', 'refuse', 'force'),
  leaseTime: checkPositiveInteger,
};

/** Returns how a store is taken over when it is opened. */
export function resolveTakeover({
  takeover = 'wait',
  leaseTime = defaultLeaseTimeMs,
}: TakeoverOptions): (how?: OpenOptions) => Acquisition {
  return (how) => ({ ...how, takeover: how?.takeover ?? takeover, leaseTime });
}
