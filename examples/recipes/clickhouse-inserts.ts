// # Batched inserts into ClickHouse
//
// One insert for each partition of a batch, with a token of its own: a batch that comes again after a crash sends the same rows under the
// same token, and ClickHouse drops them. The same works for every store that knows such tokens.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { foreachPartition, fromBatches } from 'dstream';

interface View {
  readonly page: string;
  readonly ms: number;
}

/** A stand-in for ClickHouse, which refuses the first insert. */
let refusals = 1;
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const token = new URL(request.url ?? '', 'http://clickhouse').searchParams.get('insert_deduplication_token');
  if (refusals-- > 0) return void response.writeHead(503).end();
  console.log(token?.split('-')[1], JSON.stringify(body));
  response.end();
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

async function insert(rows: readonly View[], token: string): Promise<void> {
  const query = 'INSERT INTO views FORMAT JSONEachRow';
  const url = `${address}?${new URLSearchParams({ query, insert_deduplication_token: token })}`;
  const body = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const response = await fetch(url, { method: 'POST', body });
  if (!response.ok) throw new Error(`ClickHouse answered with ${response.status}`);
}

fromBatches<View>([[{ page: '/', ms: 4 }], [{ page: '/cart', ms: 9 }]], { interval: 100, partitions: 1 })
  .pipe(
    foreachPartition(
      async ({ records }, { id }) => {
        if (records.length > 0) await insert(records, id);
      },
      { retry: { count: 5, delay: 10 } },
    ),
  )
  .subscribe({
    complete: () => {
      server.closeAllConnections();
      server.close();
    },
  });
// => 0 "{\"page\":\"/\",\"ms\":4}\n"
// => 0 "{\"page\":\"/cart\",\"ms\":9}\n"
