import type { RecordView } from './recordView.js';

const utf8 = new TextDecoder();

/** The distinct `traceparent` headers of the records of one batch, first come. */
export class TraceParents {
  readonly #max: number;
  readonly #found = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  get values(): readonly string[] {
    return [...this.#found];
  }

  /** The same as `visit`, which looks at the headers first; `visit` itself once there are enough. */
  before(visit: (view: RecordView) => void): (view: RecordView) => void {
    if (this.#found.size >= this.#max) return visit;
    return (view) => {
      if (this.#found.size < this.#max) this.#read(view);
      visit(view);
    };
  }

  #read(view: RecordView): void {
    for (const [key, value] of view.headers) {
      if (key !== 'traceparent' || !value || this.#found.size >= this.#max) continue;
      this.#found.add(utf8.decode(value));
    }
  }
}
