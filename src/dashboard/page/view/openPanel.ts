import type { OpenBatchView, StreamView } from '../../wire/streamView.js';
import { formatBatchTime, formatCount, formatDuration, plural } from '../model/format.js';
import { element, setText } from './element.js';
import { KeyedRows } from './keyedRows.js';
import { panel, tableHead } from './panel.js';

/** Batches between plan and save: what they are doing, and for how long. */
export class OpenPanel {
  readonly root: HTMLElement;
  readonly #rows: KeyedRows<OpenBatchView, HTMLTableRowElement>;
  readonly #table: HTMLElement;
  readonly #note = element('p', { className: 'empty' });
  #at = 0;

  constructor() {
    const body = element('tbody');
    this.#rows = new KeyedRows(
      body,
      ({ time }) => String(time),
      create,
      (row, batch) => fill(row, batch, this.#at),
    );
    this.#table = element('table', {}, tableHead('Batch', '#Records', 'Stage', '#For'), body);
    this.root = panel('Open and waiting batches', '', this.#table, this.#note).root;
  }

  update({ at, open, moreOpen }: StreamView): void {
    this.#at = at;
    this.#rows.set(open);
    this.#table.hidden = open.length === 0;
    const more = moreOpen > 0 ? `${plural(moreOpen, 'more batch waits', 'more batches wait')}.` : '';
    setText(this.#note, open.length === 0 && more === '' ? 'No batch is open.' : more);
    this.#note.hidden = this.#note.textContent === '';
  }
}

function create({ time }: OpenBatchView): HTMLTableRowElement {
  const cell = (className = '') => element('td', { className });
  const name = element('th', { text: formatBatchTime(time), attributes: { scope: 'row' } });
  return element('tr', {}, name, cell('number'), cell(), cell('number'));
}

function fill(row: HTMLTableRowElement, { records, stage, since }: OpenBatchView, at: number): void {
  const [, recordsCell, stageCell, sinceCell] = row.cells;
  if (recordsCell) setText(recordsCell, formatCount(records));
  if (stageCell) setText(stageCell, stage);
  if (sinceCell) setText(sinceCell, formatDuration(Math.max(at - since, 0)));
}
