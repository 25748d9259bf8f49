import type { PartitionSum, StreamView } from '../../wire/streamView.js';
import { formatCount, formatDuration, plural } from '../model/format.js';
import { lagSummary } from '../model/summaries.js';
import { element, setText } from './element.js';
import { KeyedRows } from './keyedRows.js';
import { NumberElement } from './numberElement.js';
import { panel, scrollBox, tableHead } from './panel.js';

interface LagRow {
  readonly key: string;
  readonly label: string;
  readonly meta: string;
  readonly lag: number;
  readonly behind: number | undefined;
  /** Of the largest lag, from 0 to 1. */
  readonly share: number;
}

/** Bars of the lag of each partition, as a table: the rest beyond those shown is its last row. */
export class LagPanel {
  readonly root: HTMLElement;
  readonly #summary = element('p', { class: 'summary' });
  readonly #rows: KeyedRows<LagRow, HTMLTableRowElement>;
  readonly #cells = new WeakMap<HTMLElement, LagCells>();

  constructor() {
    const body = element('tbody');
    this.#rows = new KeyedRows(
      body,
      ({ key }) => key,
      (row) => this.#create(row),
      (row, item) => this.#cells.get(row)?.set(item),
    );
    const table = element('table', { class: 'lag' }, tableHead('Partition', '', '#Lag', '#Behind'), body);
    const { root } = panel('Lag by partition', 'wide', this.#summary, scrollBox('Lag by partition', table));
    this.root = root;
  }

  update(view: StreamView): void {
    setText(this.#summary, lagSummary(view));
    const largest = Math.max(view.partitions[0]?.lag ?? 0, 1);
    const several = view.inputs.length > 1;
    const rows = view.partitions.map(
      ({ source, topic, partition, committed, end, lag, behind }): LagRow => ({
        key: `${source}/${topic}/${partition}`,
        label: `${several ? `${source}: ` : ''}${topic}/${partition}`,
        meta: `committed ${formatCount(committed)} of ${formatCount(end)}`,
        lag,
        behind,
        share: lag / largest,
      }),
    );
    const others = view.otherPartitions;
    this.#rows.set(others ? [...rows, otherRow(others)] : rows);
  }

  #create({ label }: LagRow): HTMLTableRowElement {
    const cells = new LagCells(label);
    this.#cells.set(cells.root, cells);
    return cells.root;
  }
}

class LagCells {
  readonly root: HTMLTableRowElement;
  readonly #meta = element('small');
  readonly #bar = element('i', { class: 'bar' });
  readonly #lag = new NumberElement(formatCount, 'partition-lag');
  readonly #behind = new NumberElement(formatDuration);

  constructor(label: string) {
    this.root = element(
      'tr',
      {},
      element(
        'th',
        { attrs: { scope: 'row' } },
        element('span', { class: 'label', text: label, attrs: { title: label } }),
        this.#meta,
      ),
      element('td', { class: 'track', attrs: { 'aria-hidden': 'true' } }, this.#bar),
      element('td', { class: 'number' }, this.#lag.root),
      element('td', { class: 'number' }, this.#behind.root),
    );
  }

  set({ meta, lag, behind, share }: LagRow): void {
    setText(this.#meta, meta);
    this.#bar.style.width = `${Math.min(100 * share, 100)}%`;
    this.#lag.set(lag);
    this.#behind.set(behind);
  }
}

function otherRow({ count, lag, behind }: PartitionSum): LagRow {
  return {
    key: 'others',
    label: `${plural(count, 'other partition', 'other partitions')}`,
    meta: 'summed',
    lag,
    behind,
    share: 0,
  };
}
