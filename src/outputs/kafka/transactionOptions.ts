import { type OptionChecks, required } from '../../options/checkOptions.js';
import { allOf, checkPositiveInteger, checkText, checkTimer } from '../../options/checks.js';
import type { TransactionOptions } from './transactionsOfRun.js';

interface GivenTransactionOptions {
  readonly groupId: string;
  readonly transactionTimeout?: number | undefined;
}

/** What each option must be. */
export const transactionChecks: OptionChecks<GivenTransactionOptions> = {
  groupId: required(checkText),
  transactionTimeout: allOf(checkPositiveInteger, checkTimer),
};

/** The options with their defaults. The public function has checked them, with `transactionChecks`. */
export function resolveTransactionOptions({
  groupId,
  transactionTimeout = 60_000,
}: GivenTransactionOptions): TransactionOptions {
  return { groupId, transactionTimeout };
}
