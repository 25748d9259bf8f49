/** The first time at or after `time`, which is after `zeroTime`, at which a window with this slide has a result; all in ms. */
export function slideTimeAt(time: number, zeroTime: number, slide: number): number {
  return zeroTime + Math.ceil((time - zeroTime) / slide) * slide;
}
