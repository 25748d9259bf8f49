import { History } from '../../../src/dashboard/page/model/history.js';
import { verdictOf } from '../../../src/dashboard/page/model/verdict.js';
import { BatchPanel } from '../../../src/dashboard/page/view/batchPanel.js';
import { inputChart } from '../../../src/dashboard/page/view/chartSpecs.js';
import { Charts } from '../../../src/dashboard/page/view/charts.js';
import { element, newId, setText } from '../../../src/dashboard/page/view/element.js';
import { ErrorPanel } from '../../../src/dashboard/page/view/errorPanel.js';
import { Figures } from '../../../src/dashboard/page/view/figures.js';
import { RatePanel } from '../../../src/dashboard/page/view/ratePanel.js';
import type { SimulatedStream } from '../model/simulatedStream.js';
import { delayChart, lagChart, waitingChart } from './charts.js';

const names = {
  costModel: 'costModel()',
  pid: 'pid()',
  fixedRate: 'fixedRate()',
  dynamicInterval: 'dynamicInterval()',
  none: 'No controller',
} as const;

/** One stream: how it does, its charts, why it has its rate, and its last batches. */
export class StreamColumn {
  readonly root: HTMLElement;
  readonly #stream: SimulatedStream;
  readonly #history = new History();
  readonly #status = element('span', { class: 'status' });
  readonly #headline = element('b', { attrs: { role: 'status' } });
  readonly #detail = element('span');
  readonly #verdict = element('p', { class: 'verdict' }, this.#headline, ' ', this.#detail);
  readonly #figures = new Figures();
  readonly #rate = new RatePanel();
  readonly #errors = new ErrorPanel();
  readonly #batches: BatchPanel;
  readonly #charts: Charts;

  constructor(stream: SimulatedStream) {
    this.#stream = stream;
    this.#batches = new BatchPanel(({ id }) => Promise.resolve(stream.detail(id)));
    this.#charts = new Charts([inputChart, delayChart, lagChart, waitingChart], (row) => void this.#batches.open(row));
    const title = newId('stream');
    this.root = element(
      'section',
      { class: 'column', attrs: { 'aria-labelledby': title } },
      element('header', {}, element('h2', { text: names[stream.controller], attrs: { id: title } }), this.#status),
      this.#verdict,
      this.#figures.root,
      this.#charts.root,
      this.#rate.root,
      this.#batches.root,
      this.#errors.root,
    );
    this.#errors.root.hidden = true;
  }

  /** To be called once the root is in the page. */
  draw(): void {
    this.#charts.draw();
  }

  recolor(): void {
    this.#charts.recolor();
  }

  update(): void {
    const { rows: added, failures: failed } = this.#stream.news();
    this.#history.add(added, failed);
    const { rows, failures } = this.#history;
    const view = this.#stream.view();
    const verdict = verdictOf(view, rows, failures);
    this.#verdict.dataset.level = verdict.level;
    setText(this.#headline, verdict.headline);
    setText(this.#detail, verdict.detail);
    this.#charts.update(rows);
    this.#batches.update(rows);
    this.#errors.update(failures);
    this.#errors.root.hidden = failures.length === 0;
    if (!view) return;
    setText(this.#status, view.status);
    this.#status.dataset.status = view.status;
    this.#figures.update(view, rows);
    this.#rate.update(view, rows);
  }
}
