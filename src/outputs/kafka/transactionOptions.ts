import { InvalidOptionError } from '../../batch/errors.js';
import { checkPositiveInteger } from '../../options/checks.js';
import type { TransactionOptions } from './transactionsOfRun.js';

/** @throws {InvalidOptionError} when a name is empty or the time-out out of its range */
export function resolveTransactionOptions(
  owner: string,
  options: { readonly groupId: string; readonly topic?: string; readonly transactionTimeout?: number },
): TransactionOptions & { readonly topic: string | undefined } {
  const { groupId, topic, transactionTimeout = 60_000 } = options;
  for (const [option, value] of Object.entries({ groupId, ...(topic !== undefined && { topic }) })) {
    if (typeof value === 'string' && value !== '') continue;
    throw new InvalidOptionError(owner, option, value, 'must be a non-empty string');
  }
  checkPositiveInteger(owner, 'transactionTimeout', transactionTimeout);
  return { groupId, topic, transactionTimeout };
}
