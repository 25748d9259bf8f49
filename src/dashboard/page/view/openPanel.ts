import type { OpenBatchView, StreamView } from '../../wire/streamView.js';
import { formatBatchTime, formatCount, formatDuration, plural } from '../model/format.js';
import { stageLabel } from '../model/outputLabel.js';
import { element, setText } from './element.js';
import { KeyedRows } from './keyedRows.js';
import { panel, tableHead, textRows } from './panel.js';

/** Batches between plan and save: what they are doing, and for how long. */
export class OpenPanel {
  readonly root: HTMLElement;
  readonly #rows: KeyedRows<OpenBatchView>;
  readonly #table: HTMLElement;
  readonly #note = element('p', { class: 'empty' });
  #at = 0;

  constructor() {
    const body = element('tbody');
    const textsOf = ({ time, records, stage, since, effects }: OpenBatchView) => [
      formatBatchTime(time),
      formatCount(records),
      stageLabel(stage, effects),
      formatDuration(Math.max(this.#at - since, 0)),
    ];
    this.#rows = new KeyedRows(body, textRows(textsOf, 'number', 'wraps', 'number'));
    this.#table = element('table', {}, tableHead('Batch', '#Records', 'Stage', '#For'), body);
    this.root = panel('Open and waiting batches', '', [this.#table, this.#note]).root;
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
