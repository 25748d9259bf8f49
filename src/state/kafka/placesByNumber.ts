import type { LoopSlices } from '../../storage/loopSlices.js';

const digitBits = 11;
const digits = 1 << digitBits;
/** Between two looks at the clock. */
const placesPerLook = 4_096;

/**
 * The places of numbers of at least 0, lowest number first, in slices of the event loop: sorting a million at once would keep it for a tenth
 * of a second. A place with another number is left out.
 *
 * Source: radix sort, from the lowest digit on.
 *
 * @param count how many places there are
 */
export async function placesByNumber(numbers: Float64Array, count: number, slices: LoopSlices): Promise<Uint32Array> {
  const all = new Uint32Array(count);
  let used = 0;
  let last = 0;
  for (let place = 0; place < count; place++) {
    const number = numbers[place] as number;
    if (number >= 0) all[used++] = place;
    if (number > last) last = number;
  }
  let places = all.subarray(0, used);
  let sorted = new Uint32Array(used);
  const each = async (work: (some: Uint32Array) => void): Promise<void> => {
    for (let from = 0; from < used; from += placesPerLook) {
      work(places.subarray(from, from + placesPerLook));
      if (slices.isOver()) await slices.next();
    }
  };
  for (let unit = 1; unit <= last; unit *= digits) {
    // By digit: how many have it, and then where the next of them goes.
    const counts = new Uint32Array(digits);
    await each((some) => countDigits(numbers, some, unit, counts));
    const starts = startsOf(counts);
    await each((some) => distribute(numbers, some, unit, starts, sorted));
    [places, sorted] = [sorted, places];
  }
  return places;
}

function countDigits(numbers: Float64Array, places: Uint32Array, unit: number, counts: Uint32Array): void {
  for (let i = 0; i < places.length; i++) {
    const digit = digitOf(numbers[places[i] as number] as number, unit);
    counts[digit] = (counts[digit] as number) + 1;
  }
}

function startsOf(counts: Uint32Array): Uint32Array {
  let before = 0;
  return counts.map((count) => {
    before += count;
    return before - count;
  });
}

function distribute(
  numbers: Float64Array,
  places: Uint32Array,
  unit: number,
  starts: Uint32Array,
  sorted: Uint32Array,
): void {
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number;
    const digit = digitOf(numbers[place] as number, unit);
    const to = starts[digit] as number;
    starts[digit] = to + 1;
    sorted[to] = place;
  }
}

/** The shift takes the lowest 32 bits of a number of any size. */
function digitOf(number: number, unit: number): number {
  return ((number / unit) >>> 0) & (digits - 1);
}
