// # A leaderboard in Redis, exactly once
//
// Scores are added, so a batch that comes again must not be added twice. The transaction that adds them also notes the id of the partition, with
// an expiry longer than any restart. `multi` and `exec` are those of the package `redis`.
import { foreachPartitionOnce, fromBatches, mapRecords, memoryCheckpoint, type Pair, reduceByKey } from 'dstream';
import { retry, tap } from 'rxjs';

/** What the recipe uses of the package `redis`. */
interface Redis {
  exists(key: string): Promise<number>;
  multi(): Transaction;
}

interface Transaction {
  zIncrBy(key: string, increment: number, member: string): Transaction;
  set(key: string, value: string, options: { readonly EX: number }): Transaction;
  exec(): Promise<unknown>;
}

/** A stand-in for a server. */
const scores = new Map<string, number>();
const keys = new Set<string>();
const redis: Redis = {
  exists: async (key) => (keys.has(key) ? 1 : 0),
  multi() {
    const commands: (() => void)[] = [];
    const transaction: Transaction = {
      zIncrBy(_key, increment, member) {
        commands.push(() => scores.set(member, (scores.get(member) ?? 0) + increment));
        return transaction;
      },
      set(key) {
        commands.push(() => keys.add(key));
        return transaction;
      },
      exec: async () => {
        for (const command of commands) command();
      },
    };
    return transaction;
  },
};

const dayInSeconds = 86_400;
let crashes = 1;
fromBatches<Pair<string, number>>(
  [
    [
      ['ann', 3],
      ['bob', 5],
    ],
    [['ann', 4]],
  ],
  {
    interval: 100,
    checkpoint: memoryCheckpoint(),
  },
)
  .pipe(
    mapRecords(([player, points]) => [player, points]),
    reduceByKey((a, b) => a + b),
    foreachPartitionOnce(
      ({ records }, { id }) => {
        const transaction = redis.multi();
        for (const [player, points] of records) transaction.zIncrBy('leaderboard', points, player);
        return transaction.set(`batch:${id}`, '1', { EX: dayInSeconds }).exec();
      },
      {
        written: async (ids) => {
          const found = await Promise.all(ids.map((id) => redis.exists(`batch:${id}`)));
          return ids.filter((_, i) => found[i] === 1);
        },
      },
    ),
    tap(() => {
      if (crashes-- > 0) throw new Error('crash');
    }),
    retry(1),
  )
  .subscribe({ complete: () => console.log(scores) });
// => Map(2) { 'ann' => 7, 'bob' => 5 }
