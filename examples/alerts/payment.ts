import { type MemoryLog, memoryLog } from 'dstream';

/** A payment by card, or the confirmation of a large one. */
export interface Payment {
  readonly id: number;
  readonly kind: 'payment' | 'confirmation';
  readonly card: string;
  readonly cents: number;
  readonly country: string;
  /** When, in ms since the epoch. */
  readonly at: number;
}

/** What the bank knows of a card: a row of the table. */
export interface Card {
  readonly limitCents: number;
}

/** Payments from this amount on must be confirmed. */
export const largeCents = 50_000;

export const topics = { payments: 'payments', cards: 'cards', alerts: 'alerts' } as const;
export const partitions = 2;

const start = Date.UTC(2026, 0, 5, 9);
const cardNames = Array.from({ length: 40 }, (_, i) => `card-${i}`);

export function* cards(): Generator<readonly [card: string, row: Card]> {
  for (const [i, name] of cardNames.entries()) yield [name, { limitCents: 60_000 + (i % 5) * 10_000 }];
}

/** The same payments at each call. Of the large ones nine in ten are confirmed, soon after. */
export function* payments(count: number): Generator<Payment> {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  const confirmations: { readonly due: number; readonly payment: Payment }[] = [];
  for (let id = 0; id < count; id++) {
    while (confirmations[0] && confirmations[0].due <= id) {
      const [first] = confirmations.splice(0, 1);
      if (first) yield { ...first.payment, kind: 'confirmation' };
    }
    const card = cardNames[random(cardNames.length)] as string;
    const large = random(20) === 0;
    const payment: Payment = {
      id,
      kind: 'payment',
      card,
      cents: large ? largeCents + random(60_000) : 100 + random(20_000),
      country: random(60) === 0 ? 'abroad' : 'home',
      at: start + id * 5_000,
    };
    yield payment;
    if (large && random(10) > 0) confirmations.push({ due: id + 5, payment });
  }
}

/** As they are written: by card, so that those of one card stay in order. */
export const recordOf = (payment: Payment) => ({ key: payment.card, value: JSON.stringify(payment) });
export const rowOf = ([card, row]: readonly [string, Card]) => ({ key: card, value: JSON.stringify(row) });

/**
 * The log where there is no Kafka: in memory, and filled with the same payments at each start, so that a process which was killed finds it
 * as it was.
 */
export function embeddedLog(count: number): MemoryLog {
  const log = memoryLog({ topics: { [topics.payments]: partitions, [topics.cards]: 1 } });
  log.append(topics.cards, [...cards()].map(rowOf));
  log.append(topics.payments, [...payments(count)].map(recordOf));
  return log;
}
