import { messageOf } from '../../batch/errors/messageOf.js';
import { codeOf } from '../../batch/monitoring/codeOf.js';
import type { GroupEvent } from '../../batch/monitoring/groupEvent.js';
import type { CopyView, GroupRow, GroupView } from '../wire/groupView.js';
import { Recent } from './recent.js';

const keptEvents = 50;
const shownCopies = 16;
const shownTasks = 20;
const maxMessageLength = 500;

/** What is known of one group. */
interface Group {
  readonly tasks: Set<string>;
  /** How far the copies are behind, by the ids of their tasks. */
  readonly copies: Map<string, number | undefined>;
}

/** What the board remembers of the groups that the process is a member of. */
export class GroupRecord {
  readonly #showErrors: boolean;
  readonly #groups = new Map<string, Group>();
  readonly #events = new Recent<GroupRow>(keptEvents);
  #number = 0;
  #changes = 0;

  constructor(showErrors: boolean) {
    this.#showErrors = showErrors;
  }

  /** Rises whenever something happens. */
  get changes(): number {
    return this.#changes;
  }

  next(event: GroupEvent): void {
    this.#changes++;
    const { groupId, type, at } = event;
    const group = this.#groups.get(groupId) ?? { tasks: new Set(), copies: new Map() };
    this.#groups.set(groupId, group);
    apply(event, group);
    // That comes again and again, and is shown by itself.
    if (type === 'standby-behind') return;
    const number = ++this.#number;
    const tasks = listed(this.#named(groupId, event.tasks));
    this.#events.push(number, { number, at, type, tasks, facts: factsOf(event, this.#showErrors) });
  }

  /** `undefined` for a process that is no member of a group. */
  view(): GroupView | undefined {
    if (this.#groups.size === 0) return undefined;
    const groups = [...this.#groups];
    const copies = groups.flatMap(([groupId, group]) =>
      [...group.copies].map(([id, behind]): CopyView => ({ task: this.#named(groupId, [id])[0] ?? id, behind })),
    );
    const far = ({ behind = Infinity }: CopyView) => behind;
    copies.sort((a, b) => (far(a) === far(b) ? 0 : far(b) - far(a)));
    return {
      tasks: listed(groups.flatMap(([groupId, { tasks }]) => this.#named(groupId, [...tasks]))),
      copies: copies.slice(0, shownCopies),
      moreCopies: Math.max(copies.length - shownCopies, 0),
      events: this.#events.after(0),
    };
  }

  /** With the group where there are several. */
  #named(groupId: string, tasks: readonly string[]): readonly string[] {
    return this.#groups.size > 1 ? tasks.map((id) => `${groupId}/${id}`) : tasks;
  }
}

function apply({ type, tasks, behind }: GroupEvent, group: Group): void {
  switch (type) {
    case 'assigned':
      for (const id of tasks) group.tasks.add(id);
      return;
    case 'released':
    case 'lost':
      for (const id of tasks) group.tasks.delete(id);
      return;
    case 'standby':
    case 'standby-behind':
    case 'standby-stale':
      for (const id of tasks) group.copies.set(id, behind);
      return;
    case 'standby-ended':
      for (const id of tasks) group.copies.delete(id);
  }
}

function listed(tasks: readonly string[]): string {
  const shown = tasks.slice(0, shownTasks).join(', ');
  return tasks.length > shownTasks ? `${shown} and ${tasks.length - shownTasks} more` : shown;
}

/** Never the message of an error unless asked for, as that may quote a record. */
function factsOf({ reason, step, lasts = 0, missing, error }: GroupEvent, showErrors: boolean): string {
  return [
    reason,
    step && `${step} for ${Math.round(lasts / 1_000)} s`,
    missing !== undefined && `${missing} missing`,
    error !== undefined && codeOf(error),
    error !== undefined && showErrors && messageOf(error).slice(0, maxMessageLength),
  ]
    .filter(Boolean)
    .join(' · ');
}
