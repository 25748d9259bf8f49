/**
 * The `partitions` that a stream was given to read, as a part of names: several streams that divide topics by hand have the same batch
 * times and numbers of partitions.
 */
export interface PartitionSelection {
  /** Names the first of them, such as `orders-0`: the same as long as that stays among them. */
  readonly first: string;
  /** Names all of them: `orders-0`, or `orders-0_7f2c01d4` where there are more. */
  readonly all: string;
}
