import type { StateSnapshot } from '../../../batch/monitoring/streamSnapshot.js';
import type { StreamView } from '../../wire/streamView.js';
import { formatBytes, formatCount, formatDuration, formatTime, plural } from '../model/format.js';
import { element } from './element.js';
import { Facts } from './facts.js';
import { KeyedRows, type Row } from './keyedRows.js';
import { NumberElement } from './numberElement.js';
import { emptyNote, panel, rowHeading, tableHead } from './panel.js';

/** Entries of state by id, buffers and the checkpoint. */
export class StatePanel {
  readonly root: HTMLElement;
  readonly #facts = new Facts();
  readonly #table: HTMLElement;
  readonly #rows: KeyedRows<StateSnapshot>;
  readonly #empty = emptyNote('No operator keeps state.');

  constructor() {
    const body = element('tbody');
    this.#rows = new KeyedRows(body, createRow, ({ operator, id = '' }) => `${operator}/${id}`);
    this.#table = element('table', {}, tableHead('State', '#Entries', '#Size'), body);
    this.root = panel('State and storage', '', [this.#facts.root, this.#table, this.#empty]).root;
  }

  update({ state, checkpoint, inputs, total, at }: StreamView): void {
    const facts: [string, string][] = [['Buffered', formatBytes(total.bufferedBytes)]];
    for (const { receiver } of inputs) {
      if (!receiver) continue;
      facts.push(['Queued', `${formatCount(receiver.queuedRecords)} records`]);
      for (const { index, state, restarts, code } of receiver.receivers)
        facts.push([
          `Receiver ${index}`,
          [state, code, restarts > 0 && plural(restarts, 'restart', 'restarts')].filter(Boolean).join(', '),
        ]);
      if (receiver.writeAheadLogBytes !== undefined)
        facts.push(['Write-ahead log', formatBytes(receiver.writeAheadLogBytes)]);
    }
    if (checkpoint) {
      const { savedAt, time, bytes, location } = checkpoint;
      const age = savedAt === undefined ? 'not saved yet' : `${formatDuration(Math.max(at - savedAt, 0))} ago`;
      facts.push(['Checkpoint', age], ['Saved batch', formatTime(time, at)]);
      if (bytes !== undefined) facts.push(['Checkpoint size', formatBytes(bytes)]);
      facts.push(['Kept in', location]);
    } else facts.push(['Checkpoint', 'none']);
    this.#facts.set(facts);
    this.#rows.set(state);
    this.#table.hidden = state.length === 0;
    this.#empty.hidden = state.length > 0;
  }
}

function createRow({ operator, id }: StateSnapshot): Row<StateSnapshot> {
  const entries = new NumberElement(formatCount, 'state-entries');
  const bytes = new NumberElement(formatBytes);
  const root = element(
    'tr',
    {},
    rowHeading(
      '',
      element('span', { class: 'label', text: id ?? operator }),
      element('small', { text: id === undefined ? '' : operator }),
    ),
    element('td', { class: 'number' }, entries.root),
    element('td', { class: 'number' }, bytes.root),
  );
  return {
    root,
    set: (state) => {
      entries.set(state.entries);
      bytes.set(state.bytes);
    },
  };
}
