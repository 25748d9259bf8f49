import type { PartitionSum, StreamView } from '../../wire/streamView.js';
import { formatCount, formatDuration, plural } from '../model/format.js';
import { lagSummary } from '../model/summaries.js';
import { element, setText } from './element.js';
import { KeyedRows, type Row } from './keyedRows.js';
import { NumberElement } from './numberElement.js';
import { longTable, panel, rowHeading } from './panel.js';

interface LagRow {
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
  readonly #rows: KeyedRows<LagRow>;

  constructor() {
    const body = element('tbody');
    this.#rows = new KeyedRows(body, () => new LagCells());
    const table = longTable('Lag by partition', 'lag', ['Partition', '', '#Lag', '#Behind'], body);
    this.root = panel('Lag by partition', 'wide', [this.#summary, table]).root;
  }

  update(view: StreamView): void {
    setText(this.#summary, lagSummary(view));
    const largest = Math.max(view.partitions[0]?.lag ?? 0, 1);
    const several = view.inputs.length > 1;
    const rows = view.partitions.map(
      ({ source, topic, partition, committed, end, lag, behind }): LagRow => ({
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
}

class LagCells implements Row<LagRow> {
  readonly root: HTMLTableRowElement;
  readonly #label = element('span', { class: 'label' });
  readonly #meta = element('small');
  readonly #bar = element('i', { class: 'bar' });
  readonly #lag = new NumberElement(formatCount, 'partition-lag');
  readonly #behind = new NumberElement(formatDuration);

  constructor() {
    this.root = element(
      'tr',
      {},
      rowHeading('', this.#label, this.#meta),
      element('td', { class: 'track', attrs: { 'aria-hidden': 'true' } }, this.#bar),
      element('td', { class: 'number' }, this.#lag.root),
      element('td', { class: 'number' }, this.#behind.root),
    );
  }

  set({ label, meta, lag, behind, share }: LagRow): void {
    setText(this.#label, label);
    this.#label.title = label;
    setText(this.#meta, meta);
    this.#meta.title = meta;
    this.#bar.style.width = `${Math.min(100 * share, 100)}%`;
    this.#lag.set(lag);
    this.#behind.set(behind);
  }
}

function otherRow({ count, lag, behind }: PartitionSum): LagRow {
  return {
    label: `${plural(count, 'other partition', 'other partitions')}`,
    meta: 'summed',
    lag,
    behind,
    share: 0,
  };
}
