import {
  type Batch,
  foreachBatch,
  json,
  mapRecords,
  mapWithState,
  type Pair,
  type RecordView,
  type TableChange,
  unionBatches,
} from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { lastValueFrom, type Observable } from 'rxjs';
import type { Card, Payment } from '../../examples/alerts/payment.js';
import type { Alert } from '../../examples/alerts/pipeline.js';

type Entry =
  | { readonly kind: 'row'; readonly row: Card | null }
  | { readonly kind: 'payment'; readonly payment: Payment };

/** The rule of the limit as it is without `joinTable`: rows and payments in one stream, and the row of each card in a state. */
export function overLimit(
  byCard: Observable<Batch<Pair<string, Payment>>>,
  cards: Observable<Batch<TableChange<string, Card>>>,
  initial: ReadonlyMap<string, Card> = new Map(),
): Observable<Batch<Alert>> {
  const rows = cards.pipe(mapRecords(([card, row]): Pair<string, Entry> => [card, { kind: 'row', row }]));
  const payments = byCard.pipe(
    mapRecords(([card, payment]): Pair<string, Entry> => [card, { kind: 'payment', payment }]),
  );
  return rows.pipe(
    unionBatches(payments),
    mapWithState<string, Entry, Card, Alert>(
      (card, entry, row) => {
        if (entry?.kind === 'row') {
          if (entry.row) row.update(entry.row);
          else row.remove();
          return undefined;
        }
        const limit = row.get()?.limitCents;
        if (!entry || limit === undefined || entry.payment.cents <= limit) return undefined;
        return { card, payment: entry.payment.id, reason: 'over the limit' };
      },
      { id: 'cards', initialState: initial },
    ),
  );
}

/** The table before the first payment, without `kafkaTable`: the topic is read to its end, and tombstones delete. */
export async function readCards(kafka: Kafka, topic: string): Promise<ReadonlyMap<string, Card>> {
  const rows = new Map<string, Card>();
  const parse = json<Card>();
  const changes = kafkaBatches(kafka, {
    topics: [topic],
    start: 'earliest',
    until: 'latest',
    interval: 100,
    deserialize: (view: RecordView): Pair<string, Card | undefined> => {
      const key = view.keyText();
      if (key === null) throw new Error(`a row of ${topic} has no key, at offset ${view.offset}`);
      return [key, view.valueText() === null ? undefined : parse(view)];
    },
  });
  const write = foreachBatch((batch: readonly Pair<string, Card | undefined>[]) => {
    for (const [key, row] of batch) {
      if (row) rows.set(key, row);
      else rows.delete(key);
    }
  });
  await lastValueFrom(changes.pipe(write), { defaultValue: undefined });
  return rows;
}
