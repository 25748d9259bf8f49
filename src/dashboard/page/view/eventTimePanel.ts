import type { EventPartitionView, StreamView } from '../../wire/streamView.js';
import { formatCount, formatDuration, formatEventTime } from '../model/format.js';
import { element } from './element.js';
import { Facts } from './facts.js';
import { KeyedRows } from './keyedRows.js';
import { longTable, panel, textRows } from './panel.js';

/** The watermark, the partitions that it waits for, and the records that came too late. */
export class EventTimePanel {
  readonly root: HTMLElement;
  readonly #facts = new Facts();
  readonly #rows: KeyedRows<EventPartitionView>;

  constructor() {
    const body = element('tbody');
    const textsOf = ({ partition, newest, behind, status }: EventPartitionView) => [
      partition,
      formatEventTime(newest),
      formatDuration(behind),
      status,
    ];
    this.#rows = new KeyedRows(body, textRows(textsOf, 'number', 'number', ''));
    const headings = ['Partition', '#Newest, UTC', '#Behind', 'Status'];
    const table = longTable('Event time by partition', 'event-time', headings, body);
    this.root = panel('Event time', '', [this.#facts.root, table]).root;
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
