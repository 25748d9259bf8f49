// # Enrichment with a bounded cache
//
// Each key is looked up once while the cache has it, the keys of a batch together, and the cache keeps the most recent. It is the package
// `lru-cache`, which dstream depends on itself. An answer that failed is not kept.
import { concatMapBatch, foreachBatch, fromBatches } from 'dstream';
import { LRUCache } from 'lru-cache';

/** A stand-in for a service that answers for many keys at once. */
async function lookUp(users: readonly string[]): Promise<ReadonlyMap<string, string>> {
  console.log('look up', users.join());
  return new Map(users.map((user) => [user, user < 'c' ? 'Paris' : 'Rome']));
}

const cities = new LRUCache<string, string>({ max: 10_000, ttl: 3_600_000 });

async function enrich(users: readonly string[]): Promise<readonly string[]> {
  const unknown = [...new Set(users)].filter((user) => !cities.has(user));
  if (unknown.length > 0) for (const [user, city] of await lookUp(unknown)) cities.set(user, city);
  return users.map((user) => `${user} in ${cities.get(user)}`);
}

fromBatches([['ann', 'eve', 'ann'], ['eve'], ['bob', 'ann']], { interval: 100 })
  .pipe(
    concatMapBatch(enrich),
    foreachBatch((lines) => console.log(lines.join(', '))),
  )
  .subscribe();
// => look up ann,eve
// => ann in Paris, eve in Rome, ann in Paris
// => eve in Rome
// => look up bob
// => bob in Paris, ann in Paris
