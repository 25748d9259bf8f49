import {
  type Batch,
  filterRecords,
  flatMapRecords,
  joinTable,
  mapRecords,
  mapWithState,
  type Pair,
  type TableChange,
  unionBatches,
} from 'dstream';
import { type Observable, share } from 'rxjs';
import { type Card, largeCents, type Payment } from './payment.js';

export interface Alert {
  readonly card: string;
  readonly payment: number;
  readonly reason: 'over the limit' | 'impossible journey' | 'not confirmed';
}

/** How long a large payment may wait for its confirmation, in batch time, ms. */
export const confirmationTimeoutMs = 2_000;

/** Nobody pays at home and abroad within this time, ms. */
const journeyMs = 3_600_000;

/** How long the last payment of a card is remembered, ms. */
const cardTimeoutMs = 24 * 3_600_000;

export interface Inputs {
  readonly payments: Observable<Batch<Payment>>;
  /** Changes of the table of cards. */
  readonly cards: Observable<Batch<TableChange<string, Card>>>;
}

export function alertsOf({ payments, cards }: Inputs): Observable<Batch<Alert>> {
  const all = payments.pipe(share());
  const byCard = all.pipe(
    filterRecords(({ kind }) => kind === 'payment'),
    mapRecords((payment): Pair<string, Payment> => [payment.card, payment]),
    share(),
  );

  const overLimit = byCard.pipe(
    joinTable(cards, { id: 'cards' }),
    flatMapRecords(([, [payment, { limitCents }]]) =>
      payment.cents > limitCents ? [alertOf(payment, 'over the limit')] : [],
    ),
  );

  const journeys = byCard.pipe(
    mapWithState<string, Payment, Payment, Alert>(
      (_card, payment, last) => {
        if (!payment) return undefined;
        const before = last.get();
        last.update(payment);
        const elsewhere = before !== undefined && before.country !== payment.country;
        return elsewhere && payment.at - before.at < journeyMs ? alertOf(payment, 'impossible journey') : undefined;
      },
      { id: 'last payment', timeout: cardTimeoutMs },
    ),
  );

  const unconfirmed = all.pipe(
    filterRecords(({ cents }) => cents >= largeCents),
    mapRecords((payment): Pair<number, Payment> => [payment.id, payment]),
    mapWithState<number, Payment, Payment, Alert>(
      (_id, payment, waiting) => {
        // Its time was up before a confirmation came.
        if (waiting.isTimingOut) return alertOf(waiting.get() as Payment, 'not confirmed');
        if (payment?.kind === 'payment') waiting.update(payment);
        else waiting.remove();
        return undefined;
      },
      { id: 'waiting', timeout: confirmationTimeoutMs },
    ),
  );

  return overLimit.pipe(unionBatches(journeys, unconfirmed));
}

const alertOf = ({ card, id }: Payment, reason: Alert['reason']): Alert => ({ card, payment: id, reason });
