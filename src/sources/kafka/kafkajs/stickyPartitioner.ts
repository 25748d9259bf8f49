import { murmur2 } from '../../../partitioning/murmur2.js';

/** What kafkajs passes to a partitioner. */
export interface PartitionerCall {
  readonly topic: string;
  readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
  readonly message: { readonly key?: Buffer | string | null; readonly partition?: number | null };
}

/**
 * Kafka's default partitioner, except that a message keeps its partition when it is asked for again. kafkajs partitions all messages
 * of a request again when it retries one for a single broker: messages without a key would move to other partitions, and those that
 * move to a broker that has answered already would not be sent at all.
 *
 * `chosen` is called with each message and its partition.
 */
export function stickyPartitioner(chosen: (call: PartitionerCall, partition: number) => void) {
  const partitions = new WeakMap<object, number>();
  let turn = 0;
  const choose = ({ partitionMetadata, message }: PartitionerCall): number => {
    const { key, partition } = message;
    if (partition !== undefined && partition !== null) return partition;
    if (key !== undefined && key !== null) {
      return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitionMetadata.length;
    }
    const available = partitionMetadata.filter(({ leader }) => leader >= 0);
    const candidates = available.length > 0 ? available : partitionMetadata;
    return candidates[turn++ % candidates.length]?.partitionId ?? 0;
  };
  return (call: PartitionerCall): number => {
    const partition = partitions.get(call.message) ?? choose(call);
    partitions.set(call.message, partition);
    chosen(call, partition);
    return partition;
  };
}
