import type { BatchDetail } from '../../wire/batchDetail.js';
import type { BatchRow } from '../../wire/batchRow.js';
import { detailedBatches } from '../../wire/boardUpdate.js';
import { formatBatchTime, formatBytes, formatCount, formatDuration, formatRate, plural } from '../model/format.js';
import { batchDetailElement } from './batchDetailElement.js';
import { element, newId } from './element.js';
import { KeyedRows, type Row } from './keyedRows.js';
import { emptyNote, longTable, panel, rowHeading } from './panel.js';

/** The row of a batch, with what opens under it. */
interface BatchElement extends Row<BatchRow> {
  open(expanded: boolean): void;
}

/** Rows that are drawn in one frame. */
const maxNewRows = 20;

const headings = [
  'Batch',
  '#Records',
  '~#Bytes',
  '#Scheduling',
  '#Processing',
  '~#Save',
  '#Total',
  '~#Limit',
  '~Rule',
  '~#Lag after',
  '~Result',
];

/** The last batches; a row opens to its stages and ranges. */
export class BatchPanel {
  readonly root: HTMLElement;
  readonly #rows: KeyedRows<BatchRow, BatchElement>;
  readonly #empty = emptyNote('No batch is complete yet.');
  readonly #box: HTMLElement;
  readonly #load: (row: BatchRow) => Promise<BatchDetail | undefined>;

  /** `load` fetches what opens under a row; `undefined` where it is no longer kept. */
  constructor(load: (row: BatchRow) => Promise<BatchDetail | undefined>) {
    this.#load = load;
    this.#box = longTable('Last batches', 'batches', headings);
    this.#rows = new KeyedRows(this.#box.firstChild as HTMLElement, (row) => this.#create(row), keyOf);
    this.root = panel(`Last ${detailedBatches} batches`, 'batches', [this.#box, this.#empty]).root;
  }

  /**
   * `rows` are oldest first. Of many that are new at once, as after the page was opened, the newest are drawn. Returns whether there are
   * others to draw in a later frame.
   */
  update(rows: readonly BatchRow[]): boolean {
    const last = rows.slice(-detailedBatches);
    const drawn = last.filter((row) => this.#rows.get(keyOf(row))).length;
    const shown = last.slice(-(drawn + maxNewRows)).reverse();
    this.#rows.set(shown);
    this.#box.hidden = shown.length === 0;
    this.#empty.hidden = shown.length > 0;
    return shown.length < last.length;
  }

  /** Opens the row of a batch and scrolls to it. Returns whether it is among those shown. */
  open(row: BatchRow): boolean {
    const shown = this.#rows.get(keyOf(row));
    shown?.open(true);
    shown?.root.scrollIntoView({ block: 'center', behavior: reducedMotion() ? 'auto' : 'smooth' });
    shown?.root.querySelector('button')?.focus({ preventScroll: true });
    return shown !== undefined;
  }

  #create(row: BatchRow): BatchElement {
    const detailId = newId('detail');
    const button = element('button', {
      class: 'opener',
      text: formatBatchTime(row.time),
      attrs: { type: 'button', 'aria-expanded': 'false', 'aria-controls': detailId },
    });
    const cell = element('td', { attrs: { colspan: String(headings.length) } });
    const detail = element('tr', { class: 'detail', attrs: { id: detailId } }, cell);
    detail.hidden = true;
    const open = (expanded: boolean) => {
      button.setAttribute('aria-expanded', String(expanded));
      detail.hidden = !expanded;
      if (expanded && !cell.querySelector('.opened')) void this.#fill(cell, row);
    };
    const summary = summaryRow(row, button);
    summary.addEventListener('click', () => open(detail.hidden === true));
    return { root: element('tbody', { attrs: { 'data-time': String(row.time) } }, summary, detail), open };
  }

  async #fill(cell: HTMLElement, row: BatchRow): Promise<void> {
    cell.replaceChildren(emptyNote('Loading…'));
    const gone = 'Its details are no longer kept: the process has restarted, or many batches have completed since.';
    const content = await this.#load(row).then(
      (detail) => (detail ? batchDetailElement(detail) : emptyNote(gone)),
      () => emptyNote('The process does not answer.'),
    );
    cell.replaceChildren(content);
  }
}

function summaryRow(row: BatchRow, button: HTMLElement): HTMLTableRowElement {
  const { records, bytes, delays, rate, lag, interval } = row;
  const number = (text: string, className = '') => element('td', { class: `number ${className}`, text });
  const late = (delays?.scheduling ?? 0) > interval;
  const level = badgeOf(row);
  const badge = element('span', { class: `badge ${level}`, text: resultOf(row) });
  return element(
    'tr',
    { class: 'summary-row' },
    rowHeading('', button),
    number(formatCount(records)),
    number(formatBytes(bytes), 'extra'),
    number(formatDuration(delays?.scheduling), late ? 'over' : ''),
    number(formatDuration(delays?.processing)),
    number(formatDuration(delays?.save), 'extra'),
    number(formatDuration(delays?.total)),
    number(formatRate(rate.limit), 'extra'),
    element('td', { class: 'extra', text: rate.rule ?? '–' }),
    number(formatCount(lag), 'extra'),
    // On a narrow screen below the row, where it says what one must see.
    element('td', { class: level === 'good' ? 'extra' : 'result' }, badge),
  );
}

/** What was left out counts more than that the batch is complete. */
function resultOf({ result, stage, lost, deadLettered, skipped }: BatchRow): string {
  if (stage) return `${result} in ${stage}`;
  if (lost > 0) return `${formatCount(lost)} lost`;
  if (deadLettered > 0) return plural(deadLettered, 'dead letter', 'dead letters');
  return skipped > 0 ? `${formatCount(skipped)} skipped` : result;
}

function badgeOf({ result, skipped, lost, deadLettered }: BatchRow): string {
  if (result === 'failed') return 'bad';
  return result === 'aborted' || skipped + lost + deadLettered > 0 ? 'warning' : 'good';
}

function keyOf({ id }: BatchRow): string {
  return id;
}

function reducedMotion(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
