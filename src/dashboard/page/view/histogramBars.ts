import type { Bin } from '../model/distribution.js';
import { formatShortDuration } from '../model/format.js';
import { element } from './element.js';

/** A small histogram of durations, drawn as bars from top (short) to bottom (long). Its numbers are in the summary beside it. */
export class HistogramBars {
  readonly root = element('div', { class: 'histogram', attrs: { 'aria-hidden': 'true' } });

  update(bins: readonly Bin[]): void {
    const most = bins.reduce((max, { count }) => Math.max(max, count), 1);
    this.root.replaceChildren(
      ...bins.map(({ until, count }) => {
        const bar = element('i');
        bar.style.width = `${(100 * count) / most}%`;
        return element('div', {}, element('span', { text: `<${formatShortDuration(until)}` }), element('div', {}, bar));
      }),
    );
  }
}
