// # A table from Debezium
//
// Debezium writes each change of a row of a database to a topic. `deserialize` takes the new row out of the envelope; a deleted row is a
// change to `null`, and so is the tombstone that follows it. `joinTable` then looks rows up as they were when the order came.
import { batchesFrom, foreachBatch, joinTable, json, logSource, mapRecords, memoryLog, type RecordView } from 'dstream';

interface User {
  readonly id: number;
  readonly city: string;
}

interface Envelope {
  readonly op: 'c' | 'u' | 'd' | 'r';
  readonly after: User | null;
}

const log = memoryLog({ topics: { orders: 1, 'shop.public.users': 1 } });
const change = (id: number, envelope: Envelope) =>
  log.append('shop.public.users', [{ key: JSON.stringify({ id }), value: JSON.stringify(envelope) }]);
change(1, { op: 'r', after: { id: 1, city: 'Paris' } });
change(2, { op: 'c', after: { id: 2, city: 'Rome' } });
change(1, { op: 'u', after: { id: 1, city: 'Oslo' } });
change(2, { op: 'd', after: null });
log.append('orders', [{ value: '{"user":1}' }, { value: '{"user":2}' }]);

/** A change of the table: the key of a row, and the row, or `null`. */
function changeOf(view: RecordView): readonly [number, User | null] {
  const { id } = JSON.parse(view.keyText() ?? '') as { id: number };
  const envelope = JSON.parse(view.valueText() ?? 'null') as Envelope | null;
  return [id, envelope?.after ?? null];
}

const { orders, users } = batchesFrom(
  {
    orders: logSource(log, { topics: ['orders'], start: 'earliest', deserialize: json<{ user: number }>() }),
    users: logSource(log, { topics: ['shop.public.users'], start: 'earliest', deserialize: changeOf }),
  },
  { interval: 100 },
);
orders
  .pipe(
    mapRecords(({ user }) => [user, 'order']),
    joinTable(users, { missing: 'keep' }),
    foreachBatch((joined) => {
      for (const [user, [, row]] of joined) console.log(user, row?.city ?? 'is gone');
      if (joined.length > 0) void orders.stop();
    }),
  )
  .subscribe();
// => 1 Oslo
// => 2 is gone
