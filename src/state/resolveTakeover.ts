import { checkOneOf, checkPositiveInteger } from '../options/checks.js';
import { type Acquisition, defaultLeaseTimeMs, type TakeoverOptions } from '../storage/takeover.js';
import type { OpenOptions } from './checkpoint.js';

/**
 * Checks how a store is taken over; returns how it is when it is opened.
 *
 * @throws {InvalidOptionError} naming the owner and the option
 */
export function resolveTakeover(
  owner: string,
  { takeover = 'wait', leaseTime = defaultLeaseTimeMs }: TakeoverOptions,
): (how?: OpenOptions) => Acquisition {
  checkOneOf(owner, 'takeover', takeover, ['wait', 'refuse', 'force']);
  checkPositiveInteger(owner, 'leaseTime', leaseTime);
  return (how) => ({ takeover, leaseTime, ...how });
}
