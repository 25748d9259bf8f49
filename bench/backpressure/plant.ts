/** What a batch of n records costs: `fixed + perRecord * n + perSquare * n * n`, in ms, before noise. */
export interface Cost {
  readonly fixed: number;
  readonly perRecord: number;
  readonly perSquare: number;
}

/** What is controlled: where records come from and what they cost, batch by batch. */
export interface Plant {
  readonly name: string;
  /** Batch interval, ms. */
  readonly interval: number;
  readonly batches: number;
  /** The batch from which settling, waiting and overload are counted. */
  readonly event: number;
  cost(batch: number): Cost;
  /** Standard deviation of the logarithm of the noise, whose mean is 1. */
  readonly scatter: number;
  /** How probable it is that a batch costs `times` as much. */
  readonly outliers?: { readonly probability: number; readonly times: number };
  /** Records that wait at the start. */
  readonly backlog: number;
  /** Records that arrive in an interval. Without it all records wait at the start, and no end is seen. */
  readonly arrivals?: (batch: number) => number;
  /** `none`: a controller that has no estimate puts no limit. */
  readonly initialRate: number | 'none';
}

/** Records that take exactly one interval. */
export function capacityOf({ fixed, perRecord, perSquare }: Cost, interval: number): number {
  const room = interval - fixed;
  if (room <= 0) return 0;
  if (perSquare === 0) return room / perRecord;
  return (Math.sqrt(perRecord ** 2 + 4 * perSquare * room) - perRecord) / (2 * perSquare);
}

/** Before noise, in ms. */
export function costOf(plant: Plant, index: number, records: number): number {
  const { fixed, perRecord, perSquare } = plant.cost(index);
  return fixed + perRecord * records + perSquare * records ** 2;
}

/** Of a standard normal number and one that is uniform in (0, 1). */
export function noiseOf({ scatter, outliers }: Plant, normal: number, uniform: number): number {
  const noise = Math.exp(scatter * normal - scatter ** 2 / 2);
  return outliers && uniform < outliers.probability ? noise * outliers.times : noise;
}
