// # Bulk requests to Elasticsearch
//
// A bulk request answers for each document. Those that can never be indexed are dead letters, and only those that may be are sent again. The id of
// a document is that of its record, so a batch that comes again replaces its documents.
import { foreachBatch, fromBatches } from 'dstream';
import { defer, retry } from 'rxjs';

interface Order {
  readonly id: string;
  readonly price: unknown;
}

interface BulkItem {
  readonly index: { readonly _id: string; readonly status: number };
}

/** A stand-in for `POST /_bulk`: busy at first, and strict about prices. */
let busy = true;
async function bulk(lines: readonly string[]): Promise<readonly BulkItem[]> {
  const documents = lines.filter((_, i) => i % 2 === 1).map((line) => JSON.parse(line) as Order);
  const items = documents.map(({ id, price }) => {
    const status = typeof price !== 'number' ? 400 : busy && id === 'b' ? 429 : 201;
    return { index: { _id: id, status } };
  });
  busy = false;
  console.log('bulk', items.map(({ index }) => `${index._id}: ${index.status}`).join(', '));
  return items;
}

/** Sends orders, and after a pause those again that may succeed yet. */
function index(orders: readonly Order[]) {
  let left = orders;
  return defer(async () => {
    const items = await bulk(
      left.flatMap((order) => [JSON.stringify({ index: { _index: 'orders', _id: order.id } }), JSON.stringify(order)]),
    );
    const statusOf = new Map(items.map(({ index: { _id, status } }) => [_id, status]));
    const refused = left.filter(({ id }) => statusOf.get(id) === 400);
    for (const { id } of refused) console.log('dead letter', id);
    left = left.filter(({ id }) => (statusOf.get(id) ?? 500) >= 429);
    if (left.length > 0) throw new Error(`${left.length} documents are left`);
  }).pipe(retry({ count: 5, delay: 20 }));
}

const orders: Order[] = [
  { id: 'a', price: 3 },
  { id: 'b', price: 4 },
  { id: 'c', price: 'free' },
];
fromBatches([orders], { interval: 100 })
  .pipe(foreachBatch((batch) => index(batch)))
  .subscribe();
// => bulk a: 201, b: 429, c: 400
// => dead letter c
// => bulk b: 201
