/** Windows of one length, at equal distances from each other; all in ms. */
export interface WindowShape {
  readonly window: number;
  readonly slide: number;
  /** Window 0 begins here. */
  readonly offset: number;
  /** How long after its end a window stays open. */
  readonly allowedLateness: number;
}

/**
 * Windows and the panes that they consist of, by number. A pane is as long as the greatest common divisor of window and slide.
 *
 *     window 6, slide 4, pane 2
 *     panes       0   1   2   3   4   5   6          pane n: [offset + n * pane, ...)
 *     window 0   |           |                       window k: panes [k * panesPerSlide, k * panesPerSlide + panesPerWindow)
 *     window 1           |           |
 */
export class WindowNumbers {
  readonly shape: WindowShape;
  /** Length of a pane, in ms. */
  readonly pane: number;
  readonly panesPerWindow: number;
  readonly panesPerSlide: number;
  /** From the offset to the close of window 0. */
  readonly #firstClose: number;

  constructor(shape: WindowShape) {
    this.shape = shape;
    this.pane = greatestCommonDivisor(shape.window, shape.slide);
    this.panesPerWindow = shape.window / this.pane;
    this.panesPerSlide = shape.slide / this.pane;
    this.#firstClose = shape.offset + shape.window + shape.allowedLateness;
  }

  /** The pane of a time. */
  paneAt(time: number): number {
    return Math.floor((time - this.shape.offset) / this.pane);
  }

  paneStart(pane: number): number {
    return this.shape.offset + pane * this.pane;
  }

  /** The first window that contains a pane. It is beyond `lastOf` where the pane lies in a gap between windows. */
  firstOf(pane: number): number {
    return Math.floor((pane - this.panesPerWindow) / this.panesPerSlide) + 1;
  }

  lastOf(pane: number): number {
    return Math.floor(pane / this.panesPerSlide);
  }

  /** The first pane of a window. */
  firstPane(window: number): number {
    return window * this.panesPerSlide;
  }

  contains(window: number, pane: number): boolean {
    const first = this.firstPane(window);
    return pane >= first && pane < first + this.panesPerWindow;
  }

  /** The last window that is closed at a watermark: all up to it are. */
  closedBy(watermark: number): number {
    return Math.floor((watermark - this.#firstClose) / this.shape.slide);
  }

  /** The last window that has ended at a watermark; it may not have closed. */
  endedBy(watermark: number): number {
    return Math.floor((watermark - this.shape.offset - this.shape.window) / this.shape.slide);
  }

  /** The watermark at which a window closes. */
  closesAt(window: number): number {
    return this.#firstClose + window * this.shape.slide;
  }

  start(window: number): number {
    return this.shape.offset + window * this.shape.slide;
  }

  end(window: number): number {
    return this.start(window) + this.shape.window;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller > 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
