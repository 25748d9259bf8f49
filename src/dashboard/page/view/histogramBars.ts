import type { Bin } from '../model/distribution.js';
import { formatShortDuration } from '../model/format.js';
import { element, setText } from './element.js';
import { KeyedRows } from './keyedRows.js';

/** A small histogram of durations, drawn as bars from top (short) to bottom (long). Its numbers are in the summary beside it. */
export class HistogramBars {
  readonly root = element('div', { class: 'histogram', attrs: { 'aria-hidden': 'true' } });
  #most = 1;
  readonly #rows = new KeyedRows<Bin>(this.root, () => {
    const label = element('span');
    const bar = element('i');
    return {
      root: element('div', {}, label, element('div', {}, bar)),
      set: ({ until, count }) => {
        setText(label, `<${formatShortDuration(until)}`);
        bar.style.width = `${(100 * count) / this.#most}%`;
      },
    };
  });

  update(bins: readonly Bin[]): void {
    this.#most = bins.reduce((max, { count }) => Math.max(max, count), 1);
    this.#rows.set(bins);
  }
}
