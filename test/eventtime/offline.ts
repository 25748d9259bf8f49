// What event-time windows must result in, from the records of each partition alone: there is no batch in it, and no watermark of all
// partitions but at the very end.

/** A record: event time, key and value. */
export type Timed = readonly [time: number, key: string, value: number];

export interface OfflineOptions {
  readonly outOfOrderness: number;
  readonly window: number;
  readonly slide: number;
  readonly offset: number;
  readonly allowedLateness?: number;
  /** Whether everything is read to its end, so that every window closes. */
  readonly bounded: boolean;
}

/** The records of one key in one window, by event time, then partition, then offset. */
export interface OfflineWindow {
  readonly start: number;
  readonly end: number;
  readonly key: string;
  readonly records: readonly Timed[];
}

export interface Offline {
  /** Those that have closed. */
  readonly windows: readonly OfflineWindow[];
  /** Those that have ended, and all. */
  readonly ended: readonly OfflineWindow[];
  readonly all: readonly OfflineWindow[];
  readonly late: readonly Timed[];
  /** Records that count for some of their windows only. */
  readonly partlyLate: number;
}

export function offline(partitions: readonly (readonly Timed[])[], options: OfflineOptions): Offline {
  const { outOfOrderness, window, slide, offset, allowedLateness = 0, bounded } = options;
  const late: Timed[] = [];
  const windows = new Map<string, { start: number; key: string; records: { record: Timed; rank: number }[] }>();
  let partlyLate = 0;
  const newest = partitions.map((records, rank) => {
    let maximum = -Infinity;
    for (const record of records) {
      const [time, key] = record;
      const floor = maximum - outOfOrderness;
      const starts: number[] = [];
      for (let k = Math.floor((time - offset) / slide); offset + k * slide + window > time; k--) {
        starts.push(offset + k * slide);
      }
      const counted = starts.filter((start) => start + window + allowedLateness > floor);
      if (starts.length > 0 && counted.length === 0) late.push(record);
      else if (counted.length < starts.length) partlyLate++;
      for (const start of counted) {
        const name = `${start} ${key}`;
        const entry = windows.get(name) ?? { start, key, records: [] };
        entry.records.push({ record, rank });
        windows.set(name, entry);
      }
      maximum = Math.max(maximum, time);
    }
    return maximum;
  });
  const watermark = bounded ? Infinity : Math.min(...newest) - outOfOrderness;
  const all = Array.from(windows.values(), ({ start, key, records }) => ({
    start,
    end: start + window,
    key,
    // A stable sort: records of one partition keep their order.
    records: [...records].sort((a, b) => a.record[0] - b.record[0] || a.rank - b.rank).map(({ record }) => record),
  }));
  const ended = all.filter(({ end }) => end <= watermark);
  return { late, partlyLate, windows: all.filter(({ end }) => end + allowedLateness <= watermark), ended, all };
}

export interface OfflineSessionOptions {
  readonly outOfOrderness: number;
  readonly gap: number;
  readonly allowedLateness: number;
  readonly bounded: boolean;
}

/** Sessions of records that are on time: a record is, unless it is older than the watermark of its partition just before it. */
export function offlineSessions(
  partitions: readonly (readonly Timed[])[],
  { outOfOrderness, gap, allowedLateness, bounded }: OfflineSessionOptions,
): Pick<Offline, 'windows' | 'late' | 'all'> {
  const late: Timed[] = [];
  const onTime: { record: Timed; rank: number }[] = [];
  const newest = partitions.map((records, rank) => {
    let maximum = -Infinity;
    for (const record of records) {
      if (record[0] + allowedLateness < maximum - outOfOrderness) late.push(record);
      else onTime.push({ record, rank });
      maximum = Math.max(maximum, record[0]);
    }
    return maximum;
  });
  const watermark = bounded ? Infinity : Math.min(...newest) - outOfOrderness;
  const windows: { start: number; end: number; key: string; records: Timed[] }[] = [];
  for (const { record } of onTime.sort((a, b) => a.record[0] - b.record[0] || a.rank - b.rank)) {
    const [time, key] = record;
    const session = windows.findLast((each) => each.key === key);
    if (session && time - session.end <= gap) {
      session.end = time;
      session.records.push(record);
    } else windows.push({ start: time, end: time, key, records: [record] });
  }
  return { late, windows: windows.filter(({ end }) => end + gap + allowedLateness < watermark), all: windows };
}

/** What is on time of the partitions of one stream, in their order, and the watermark when everything has been read. */
export interface OnTime {
  readonly records: readonly Timed[];
  readonly late: readonly Timed[];
  readonly watermark: number;
}

/** A record is on time unless it is older than the watermark of its partition just before it. */
export function onTime(
  partitions: readonly (readonly Timed[])[],
  { outOfOrderness, bounded }: Pick<OfflineOptions, 'outOfOrderness' | 'bounded'>,
): OnTime {
  const late: Timed[] = [];
  const passed: Timed[] = [];
  const newest = partitions.map((records) => {
    let maximum = -Infinity;
    for (const record of records) {
      (record[0] < maximum - outOfOrderness ? late : passed).push(record);
      maximum = Math.max(maximum, record[0]);
    }
    return maximum;
  });
  return { records: passed, late, watermark: bounded ? Infinity : Math.min(...newest) - outOfOrderness };
}
