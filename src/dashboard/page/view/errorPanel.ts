import type { FailureRow } from '../../wire/failureRow.js';
import { formatTime, plural } from '../model/format.js';
import { element } from './element.js';
import { KeyedRows } from './keyedRows.js';
import { emptyNote, panel, scrollBox } from './panel.js';

/** Failures of the stream, retried effects and dead letters, newest first. */
export class ErrorPanel {
  readonly root: HTMLElement;
  readonly #rows: KeyedRows<FailureRow>;
  readonly #list: HTMLElement;
  readonly #empty = emptyNote('No error since this process started.');

  constructor() {
    const list = element('ol', { class: 'errors' });
    this.#list = scrollBox('Errors', list);
    this.#rows = new KeyedRows(
      list,
      (failure) => ({ root: create(failure) }),
      ({ id, at }) => `${at}/${id}`,
    );
    this.root = panel('Errors', '', [this.#list, this.#empty]).root;
  }

  update(failures: readonly FailureRow[]): void {
    this.#rows.set(failures);
    this.#list.hidden = failures.length === 0;
    this.#empty.hidden = failures.length > 0;
  }
}

function create(failure: FailureRow): HTMLLIElement {
  const { at, code, kind, stage, operator, operatorId, topic, partition, offset, message, attempt, records } = failure;
  const source = [operator, operatorId].filter((part) => part !== undefined).join(' ');
  const where = [
    stage && `in ${stage}`,
    records && plural(records, 'record', 'records'),
    source && `of ${source}`,
    placeOf(topic, partition, offset),
    attempt === undefined ? '' : `attempt ${attempt}`,
  ];
  return element(
    'li',
    {},
    element('span', { class: `badge ${kind === 'failed' ? 'bad' : 'warning'}`, text: kind }),
    element('b', { text: code }),
    element('time', { text: formatTime(at, Date.now()) }),
    element('span', { class: 'where', text: where.filter(Boolean).join(' · ') }),
    message === undefined ? undefined : element('q', { text: message }),
  );
}

function placeOf(topic: string | undefined, partition: number | undefined, offset: number | undefined): string {
  if (topic === undefined) return partition === undefined ? '' : `partition ${partition}`;
  return `${topic}/${partition ?? '?'}${offset === undefined ? '' : ` @ ${offset}`}`;
}
