/** What a stream is to read, and the options that bound its memory. Bytes of records are those after decompression. */
export interface MemorySettings {
  readonly partitions: number;
  readonly brokers: number;
  /** Of all partitions, in records per second. */
  readonly rate: number;
  readonly recordBytes: number;
  /** Decompressed bytes of a record batch of the producer. */
  readonly recordBatchBytes: number;
  /** Decompressed bytes for one that is sent. */
  readonly compressionRatio: number;
  readonly intervalMs: number;
  readonly concurrentBatches: number;
  readonly maxBytesPerBatch: number;
  readonly maxBufferedBytes: number;
  /** Bytes of a record as the program has it, for one of its value: 1 for strings of ASCII, 3 to 5 for objects parsed from JSON. */
  readonly objectFactor: number;
  /** The window of operators that keep whole records; 0 without. */
  readonly windowMs: number;
  readonly keys: number;
  /** Of the state of a key, with the key. */
  readonly stateBytes: number;
}

/** A part of the memory, and why it is needed. */
export interface MemoryPart {
  readonly name: string;
  readonly bytes: number;
}

/** Bounds on what a stream keeps in memory while it works off a backlog, part by part. */
export function memoryParts(settings: MemorySettings): readonly MemoryPart[] {
  const { partitions, brokers, recordBatchBytes, compressionRatio, objectFactor } = settings;
  const bytesPerMs = (settings.rate * settings.recordBytes) / 1_000;
  const batchBytes = Math.min(settings.maxBytesPerBatch, bytesPerMs * settings.intervalMs);
  return [
    {
      name: 'read ahead: maxBufferedBytes, and a record batch for each broker',
      bytes: settings.maxBufferedBytes + (brokers * recordBatchBytes) / compressionRatio,
    },
    { name: 'a decompressed record batch for each partition', bytes: partitions * recordBatchBytes },
    {
      name: 'batches: rate × interval, at most maxBytesPerBatch, for each open one',
      bytes: settings.concurrentBatches * batchBytes * objectFactor,
    },
    { name: 'windows that keep records: rate × window', bytes: bytesPerMs * settings.windowMs * objectFactor },
    { name: 'state: keys × bytes', bytes: settings.keys * settings.stateBytes },
  ];
}

/** What a batch costs, and what is to be read. */
export interface IntervalSettings {
  /** In records per second. */
  readonly rate: number;
  readonly intervalMs: number;
  readonly fixedMs: number;
  readonly perRecordMs: number;
}

export interface IntervalAdvice {
  /** Processing time of a batch at this rate, ms. */
  readonly processingMs: number;
  /** What `costModel` allows, in records per second. 0 where the fixed cost alone is longer than the interval. */
  readonly highestRate: number;
  /** With this rate, ms; Infinity where no interval is long enough. */
  readonly shortestIntervalMs: number;
  /** From the arrival of a record to its output on average, ms. */
  readonly meanLatencyMs: number;
}

/** The part of an interval that a batch may take: the default of `costModel`. */
const target = 0.98;

/** Interval against processing time, where a batch costs `fixedMs + perRecordMs * records`. */
export function intervalAdvice({ rate, intervalMs, fixedMs, perRecordMs }: IntervalSettings): IntervalAdvice {
  const processingMs = fixedMs + (perRecordMs * rate * intervalMs) / 1_000;
  const free = target - (perRecordMs * rate) / 1_000;
  const highestRate = Math.max(0, ((target * intervalMs - fixedMs) / perRecordMs / intervalMs) * 1_000);
  return {
    processingMs,
    highestRate,
    shortestIntervalMs: free > 0 ? fixedMs / free : Infinity,
    meanLatencyMs: rate > highestRate ? Infinity : intervalMs / 2 + processingMs,
  };
}
