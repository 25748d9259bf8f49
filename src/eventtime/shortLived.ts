// Results of windows: made by the thousand at a time, and most often garbage before the next collection.
//
// V8 remembers for each literal in the code whether what it makes survives. If a collection falls into the first thousands, which are
// made before the code is optimized, it allocates all that come later among the old objects, where they cost twice the time. It does so
// for array and object literals, but neither for rest parameters nor for constructors.

export function shortLivedPair<K, V>(...pair: [K, V]): [K, V] {
  return pair;
}

interface Window<V> {
  start: number;
  end: number;
  value: V;
}

function PlainWindow<V>(this: Window<V>, start: number, end: number, value: V): void {
  this.start = start;
  this.end = end;
  this.value = value;
}
// Nobody can tell it from a literal.
PlainWindow.prototype = Object.prototype;

export const ShortLivedWindow = PlainWindow as unknown as new <V>(
  start: number,
  end: number,
  value: V,
) => Readonly<Window<V>>;
