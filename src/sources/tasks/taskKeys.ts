import { ForeignKeyError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import type { TaskInfo } from '../../batch/taskInfo.js';
import type { KeyCheck } from '../../collections/ownKeys.js';
import { kafkaPartitioner, type Partitioner } from '../../partitioning/kafkaPartitioner.js';

/** Keys of which it is known that they are the task's; with more, all are forgotten and checked again. */
const maxKnownKeys = 65_536;

/** Returns the check whether a key belongs to a task. */
export function taskKeys({ partition, of }: TaskInfo, partitioner: Partitioner<Key>): KeyCheck {
  const check: KeyCheck = (operator, key) => {
    const owner = partitioner(key, of);
    if (owner !== partition) throw new ForeignKeyError(operator, key, partition, owner);
  };
  // It takes about as long as to look up one of few keys, and much less than to look up one of many.
  return partitioner === kafkaPartitioner ? check : checkedOnce(check);
}

/** Each key is checked once, as long as it is remembered: what a partitioner of the user's takes is not known. */
function checkedOnce(check: KeyCheck): KeyCheck {
  const known = new Set<Key>();
  return (operator, key) => {
    if (known.has(key)) return;
    check(operator, key);
    if (known.size === maxKnownKeys) known.clear();
    known.add(key);
  };
}
