import type { BatchRow } from '../../wire/batchRow.js';
import type { StreamView } from '../../wire/streamView.js';
import { formatCount, formatDuration, formatPercent, formatRate, plural } from '../model/format.js';
import { inputRate } from '../model/series.js';
import { element, setText } from './element.js';
import { NumberElement } from './numberElement.js';

/** The figures to look at first. */
export class Figures {
  readonly root = element('dl', { class: 'figures' });
  readonly #lag = this.#add('Lag', 'records', formatCount, 'lag');
  readonly #input = this.#add('Input', '', formatRate, 'input');
  readonly #limit = this.#add('Rate limit', '', formatRate, 'rate');
  readonly #processing = this.#add('Processing', '', formatDuration, 'processing');
  readonly #scheduling = this.#add('Scheduling delay', '', formatDuration, 'scheduling');
  readonly #waiting = this.#add('Waiting batches', '', formatCount, 'waiting');

  update(view: StreamView, rows: readonly BatchRow[]): void {
    const last = rows.findLast(({ delays }) => delays !== undefined);
    const { total, inputs } = view;
    const limits = inputs.flatMap(({ rate, decision }) => (rate === undefined ? [] : [{ rate, decision }]));
    const lowest = limits.sort((a, b) => a.rate - b.rate)[0];
    const decision = lowest?.decision;
    this.#lag.set(
      total.lag,
      total.behind === undefined ? '' : total.lag === 0 ? 'nothing waits' : `${formatDuration(total.behind)} behind`,
    );
    this.#input.set(last && inputRate(last), last ? plural(last.records, 'record', 'records') : '');
    this.#limit.set(lowest?.rate, decision ? `${decision.controller}: ${decision.rule}` : lowest ? '' : 'no limit');
    const { processing, scheduling } = last?.delays ?? {};
    this.#processing.set(
      processing,
      last && processing !== undefined ? `${formatPercent(processing / last.interval)} of the interval` : '',
    );
    this.#scheduling.set(
      scheduling,
      scheduling === undefined || !last
        ? ''
        : scheduling > last.interval
          ? 'more than an interval'
          : 'within the interval',
    );
    this.#waiting.set(view.waiting, `${formatCount(view.open.filter(({ stage }) => stage !== 'waiting').length)} open`);
  }

  #add(title: string, unit: string, format: (value: number | undefined) => string, name: string): Figure {
    const figure = new Figure(title, unit, format, name);
    this.root.append(figure.root);
    return figure;
  }
}

class Figure {
  readonly root: HTMLElement;
  readonly #number: NumberElement;
  readonly #note = element('dd', { class: 'muted' });

  constructor(title: string, unit: string, format: (value: number | undefined) => string, name: string) {
    this.#number = new NumberElement(format, name);
    const value = element(
      'dd',
      {},
      this.#number.root,
      unit === '' ? undefined : element('span', { class: 'unit', text: ` ${unit}` }),
    );
    this.root = element('div', { class: 'card figure' }, element('dt', { text: title }), value, this.#note);
  }

  set(value: number | undefined, note: string): void {
    this.#number.set(value);
    setText(this.#note, note);
  }
}
