// Numbers as the page writes them. `undefined` is a dash.

const dash = '–';
const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const date = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' });
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** `12,400`. */
export function formatCount(value: number | undefined): string {
  return value === undefined ? dash : count.format(value);
}

/** `9,200/s`. */
export function formatRate(recordsPerSecond: number | undefined): string {
  return recordsPerSecond === undefined ? dash : `${count.format(recordsPerSecond)}/s`;
}

/** `0 ms`, `8.25 ms`, `340 ms`, `1.2 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined || Number.isNaN(ms)) return dash;
  if (ms < 0) return `−${formatDuration(-ms)}`;
  if (ms < 999.5) return `${significant(ms)} ms`;
  if (ms < 59_500) return `${ms < 10_000 ? (ms / 1_000).toFixed(1).replace(/\.0$/, '') : Math.round(ms / 1_000)} s`;
  if (ms < 3_600_000) return twoParts(ms / 1_000, 60, 'min', 's');
  if (ms < 86_400_000) return twoParts(ms / 60_000, 60, 'h', 'min');
  return twoParts(ms / 3_600_000, 24, 'd', 'h');
}

/** In one short unit, for axes: `340 ms`, `1.2 s`, `2.7 min`, `3.5 h`. */
export function formatShortDuration(ms: number): string {
  if (ms < 60_000) return formatDuration(ms);
  return ms < 3_600_000
    ? `${Number((ms / 60_000).toPrecision(2))} min`
    : `${Number((ms / 3_600_000).toPrecision(3))} h`;
}

/** `512 B`, `4.2 KiB`, `310 MiB`. */
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return dash;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** `14:02:11`, in the time zone of the reader; of a day that is not that of `now` with it: `Nov 28, 14:02:11`. */
export function formatTime(ms: number | undefined, now = ms): string {
  if (ms === undefined) return dash;
  const day = date.format(ms);
  return day === date.format(now) ? clock.format(ms) : `${day}, ${clock.format(ms)}`;
}

/** `14:02:11`, or `14:02:11.250` where intervals are shorter than a second. */
export function formatBatchTime(ms: number | undefined): string {
  const rest = ms === undefined ? 0 : ms % 1_000;
  return rest === 0 ? formatTime(ms) : `${formatTime(ms)}.${String(rest).padStart(3, '0')}`;
}

/** `2015-01-01 06:30:00`, of a time in the data: by UTC, as it may be of any day. */
export function formatEventTime(ms: number | undefined): string {
  if (ms === undefined) return dash;
  // Beyond it there are no dates.
  return Math.abs(ms) > 8.64e15 ? formatCount(ms) : new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** `34 %`. */
export function formatPercent(ratio: number | undefined): string {
  return ratio === undefined || !Number.isFinite(ratio) ? dash : `${Math.round(100 * ratio)} %`;
}

/** `1 batch`, `12 batches`. */
export function plural(number: number, one: string, many: string): string {
  return `${count.format(number)} ${number === 1 ? one : many}`;
}

function significant(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

function twoParts(value: number, base: number, large: string, small: string): string {
  const rounded = Math.round(value);
  const rest = rounded % base;
  return `${Math.floor(rounded / base)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}
