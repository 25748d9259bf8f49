import type { EventPartitionView, StreamView } from '../../wire/streamView.js';
import { formatCount, formatDuration, formatEventTime } from '../model/format.js';
import { element } from './element.js';
import { Facts } from './facts.js';
import { KeyedRows } from './keyedRows.js';
import { panel, scrollBox, setCells, tableHead, tableRow } from './panel.js';

/** The watermark, the partitions that it waits for, and the records that came too late. */
export class EventTimePanel {
  readonly root: HTMLElement;
  readonly #facts = new Facts();
  readonly #rows: KeyedRows<EventPartitionView, HTMLTableRowElement>;

  constructor() {
    const body = element('tbody');
    this.#rows = new KeyedRows(
      body,
      ({ partition }) => partition,
      ({ partition }) => tableRow(partition, 'number', 'number', ''),
      (row, { newest, behind, status }) => setCells(row, formatEventTime(newest), formatDuration(behind), status),
    );
    const table = element('table', {}, tableHead('Partition', '#Newest, UTC', '#Behind', 'Status'), body);
    this.root = panel('Event time', '', this.#facts.root, scrollBox('Event time by partition', table)).root;
  }

  update({ eventTime }: StreamView): void {
    this.root.hidden = !eventTime;
    if (!eventTime) return;
    const { watermarks, partitions, counts } = eventTime;
    this.#facts.set([
      ...watermarks.map(({ id, watermark }): [string, string] => [
        id === undefined ? 'Watermark' : `Watermark of ${id}`,
        formatEventTime(watermark),
      ]),
      ['Late', formatCount(counts.late)],
      ['Partly late', formatCount(counts.partlyLate)],
      ['No valid time', formatCount(counts.invalid)],
    ]);
    this.#rows.set(partitions);
  }
}
