/** About how many bytes a record takes in memory. */
export type SizeOf<T> = (record: T) => number;

/** Of what is neither a string nor bytes, every 13th record is measured, and all of the first ones. */
const sampledEvery = 13;
const measuredFirst = 13;
/** Share of a sample in the estimate. */
const weight = 0.2;
/** How many parts of one record are visited. */
const maxVisited = 2_000;
const numberBytes = 8;
const objectBytes = 40;
/** What V8 and Node keep for a view of bytes beside them, and for bytes that belong to one view. Measured by what a process of Node 20 takes. */
const viewBytes = 150;
const bufferBytes = 250;
/** Up to here a typed array has its bytes in itself, and would move them out when it is asked for its buffer. */
const maxBytesInside = 64;
const stringBytes = 24;

/**
 * Returns a function that tells the size of records: exactly for strings and bytes, and for other records an estimate that
 * follows a sample of them, because measuring each would take longer than receiving it.
 */
export function recordSize<T>(): SizeOf<T> {
  let estimate = 0;
  let seen = 0;
  return (record) => {
    if (typeof record === 'string') return sizeOfString(record);
    if (typeof record !== 'object' || record === null) return numberBytes;
    const bytes = byteLengthOf(record);
    if (bytes !== undefined) return bytes;
    if (seen < measuredFirst || seen % sampledEvery === 0) {
      const size = measure(record);
      estimate = seen === 0 ? size : estimate + weight * (size - estimate);
      seen++;
      return size;
    }
    seen++;
    return estimate;
  };
}

/** As V8 keeps them: one byte for each character, or two if one of them needs two. */
function sizeOfString(text: string): number {
  return stringBytes + (wide.test(text) ? 2 * text.length : text.length);
}

const wide = /[\u0100-\uffff]/;

/** Bytes that several views share, such as those of one chunk, count as far as each sees them. */
function byteLengthOf(value: object): number | undefined {
  if (value instanceof ArrayBuffer) return bufferBytes + value.byteLength;
  if (!ArrayBuffer.isView(value)) return undefined;
  const { byteLength } = value;
  const alone = byteLength > maxBytesInside && value.buffer.byteLength === byteLength;
  return viewBytes + byteLength + (alone ? bufferBytes : 0);
}

/** Visits the parts of a record, each once; of one that is too large to be visited whole the rest is taken to be alike. */
function measure(record: object): number {
  const seen = new Set<object>();
  const open: unknown[] = [record];
  /** Of what was visited, without the places of its parts, which are all known. */
  let bytes = 0;
  let places = 0;
  let visited = 0;
  while (open.length > 0 && visited < maxVisited) {
    const value = open.pop();
    visited++;
    if (typeof value === 'string') bytes += sizeOfString(value);
    else if (typeof value !== 'object' || value === null) continue;
    else if (!seen.has(value)) {
      seen.add(value);
      bytes += byteLengthOf(value) ?? objectBytes;
      places += openParts(value, open) * numberBytes;
    }
  }
  return Math.ceil(places + (bytes * (visited + open.length)) / visited);
}

/** Adds the parts of an object to those that are open, and returns their number. */
function openParts(value: object, open: unknown[]): number {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 0;
  if (value instanceof Map) {
    for (const [key, item] of value) open.push(key, item);
    return value.size * 2;
  }
  const items: readonly unknown[] = Array.isArray(value)
    ? value
    : value instanceof Set
      ? [...value]
      : Object.values(value);
  for (const item of items) open.push(item);
  return items.length;
}
