import type { Broker } from './kafkajsCluster.js';
import { errorType } from './offsetsOfMembers.js';
import { withBackOff } from './withBackOff.js';

/** Pauses while the broker refuses a transaction because the previous one of its id is still ending. */
export const beginBackOff = { firstPauseMs: 5, maxPauseMs: 100 } as const;

/** The broker is still ending the previous transaction of the id. */
export function isEnding(error: unknown): boolean {
  return error instanceof Error && errorType(error) === 'CONCURRENT_TRANSACTIONS';
}

/**
 * Has a broker of kafkajs wait until it has ended the previous transaction: it answers EndTxn before it has ended that everywhere, and
 * refuses the next one until then. kafkajs would try again after 300 ms, and give up on a commit, which is refused so while the broker
 * fences the producer: asked again, it says so. An abort is not worth the wait.
 */
export function patientTransactions(broker: Broker, timeoutMs: number): void {
  const { addPartitionsToTxn, endTxn } = broker;
  const patient = <R>(ask: () => Promise<R>) => withBackOff(ask, { ...beginBackOff, timeoutMs, isRetriable: isEnding });
  broker.addPartitionsToTxn = (request) => patient(() => addPartitionsToTxn.call(broker, request));
  broker.endTxn = (request) => {
    const ask = () => endTxn.call(broker, request);
    return request.transactionResult ? patient(ask) : ask();
  };
}
