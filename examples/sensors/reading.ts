/** What a sensor has measured. */
export interface Reading {
  readonly sensor: string;
  readonly celsius: number;
}

export const topic = 'readings';

const places: readonly (readonly [sensor: string, celsius: number])[] = [
  ['boiler', 68],
  ['freezer', -19],
  ['office', 21],
  ['oven', 204],
  ['server room', 24],
];

/** One reading of each sensor, which drift a little with time. */
export function readingsAt(tick: number): readonly Reading[] {
  return places.map(([sensor, celsius], i) => {
    const drift = Math.sin((tick + 17 * i) / 20) * 2 + Math.sin(tick * (i + 3)) * 0.3;
    return { sensor, celsius: Math.round((celsius + drift) * 10) / 10 };
  });
}

/** As a line, and back: `office=21.5`. */
export const lineOf = ({ sensor, celsius }: Reading): string => `${sensor}=${celsius}`;

export function parseLine(line: string): Reading {
  const [sensor = '', celsius] = line.split('=');
  return { sensor, celsius: Number(celsius) };
}
