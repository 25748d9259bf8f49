import type { GroupRow, GroupView } from '../../wire/groupView.js';
import { formatCount, formatTime } from '../model/format.js';
import { element } from './element.js';
import { Facts } from './facts.js';
import { KeyedRows } from './keyedRows.js';
import { panel, scrollBox } from './panel.js';

/** How an event is to be taken. */
const levels: Readonly<Partial<Record<GroupRow['type'], string>>> = {
  lost: 'bad',
  fenced: 'bad',
  stuck: 'bad',
  'slow-heartbeat': 'warning',
  'standby-stale': 'warning',
  'standby-missing': 'warning',
};

/** The process as a member of its group: its tasks, the copies that it keeps for others, and what happened, newest first. */
export class GroupPanel {
  readonly root: HTMLElement;
  readonly #facts = new Facts();
  readonly #rows: KeyedRows<GroupRow>;

  constructor() {
    const list = element('ol', { class: 'errors' });
    this.#rows = new KeyedRows(
      list,
      (row) => ({ root: create(row) }),
      ({ number, at }) => `${at}/${number}`,
    );
    this.root = panel('Group', '', [this.#facts.root, scrollBox('Events of the group', list)]).root;
  }

  update(group: GroupView | undefined): void {
    this.root.hidden = !group;
    if (!group) return;
    const { tasks, copies, moreCopies, events } = group;
    const facts = copies.map(({ task, behind }): [string, string] => [
      `Copy of ${task}`,
      behind === undefined ? 'not known' : `${formatCount(behind)} behind`,
    ]);
    if (moreCopies > 0) facts.push(['Other copies', formatCount(moreCopies)]);
    this.#facts.set([['Tasks', tasks || 'none'], ...facts]);
    this.#rows.set([...events].reverse());
  }
}

function create({ at, type, tasks, facts }: GroupRow): HTMLLIElement {
  return element(
    'li',
    {},
    element('span', { class: `badge ${levels[type] ?? ''}`, text: type }),
    element('b', { text: tasks }),
    element('time', { text: formatTime(at, Date.now()) }),
    facts === '' ? undefined : element('span', { class: 'where', text: facts }),
  );
}
