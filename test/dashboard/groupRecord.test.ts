import { type GroupEvent, ProtocolError } from 'dstream';
import { describe, expect, it } from 'vitest';
import { GroupRecord } from '../../src/dashboard/server/groupRecord.js';

const event = { at: 5, groupId: 'g', memberId: 'm', generation: 1, tasks: [] };

/** What a board shows of these events. */
function viewAfter(events: readonly (Partial<GroupEvent> & Pick<GroupEvent, 'type'>)[], showErrors = false) {
  const record = new GroupRecord(showErrors);
  for (const one of events) record.next({ ...event, ...one });
  return record.view();
}

describe('the board of a member of a group', () => {
  it('has nothing of a process that is no member', () => {
    expect(viewAfter([])).toBeUndefined();
  });

  it('shows the tasks that it has, and the copies that it keeps: those that nobody knows about first', () => {
    const view = viewAfter([
      { type: 'joined' },
      { type: 'assigned', tasks: ['0', '1', '2'] },
      { type: 'released', tasks: ['1'] },
      ...['3', '4', '5', '6'].map((task) => ({ type: 'standby', tasks: [task] }) as const),
      { type: 'standby-behind', tasks: ['3'], behind: 7 },
      { type: 'standby-behind', tasks: ['4'], behind: 900 },
      { type: 'standby-behind', tasks: ['5'], behind: 2 },
      { type: 'standby-stale', tasks: ['5'] },
      { type: 'standby-ended', tasks: ['6'] },
      { type: 'standby-missing', tasks: ['0', '2'], missing: 2 },
    ]);
    expect(view).toMatchObject({ tasks: '0, 2', moreCopies: 0 });
    expect(view?.copies).toEqual([
      { task: '5', behind: undefined },
      { task: '4', behind: 900 },
      { task: '3', behind: 7 },
    ]);
    expect(view?.events.map(({ type }) => type)).not.toContain('standby-behind');
    expect(view?.events.at(-1)).toEqual({
      ...{ number: 10, at: 5, type: 'standby-missing', tasks: '0, 2', facts: '2 missing' },
    });
  });

  it('says what is known of an event, and of an error its code unless messages are asked for', () => {
    const events = [
      { type: 'stuck', tasks: ['1'], step: 'opening', lasts: 6_400 },
      { type: 'lost', tasks: ['1'], reason: 'late by 9 ms', error: new ProtocolError('Heartbeat', 'a word', true) },
    ] as const;
    const facts = (showErrors: boolean) => viewAfter(events, showErrors)?.events.map((row) => row.facts);
    expect(facts(false)).toEqual(['opening for 6 s', 'late by 9 ms · PROTOCOL']);
    expect(facts(true)?.[1]).toContain('a word');
  });

  it('is bounded, however many tasks there are and whatever happens, and names the groups where there are two', () => {
    const ids = Array.from({ length: 1_000 }, (_, i) => String(i));
    const view = viewAfter([
      ...[{ type: 'assigned', tasks: ids } as const, { type: 'standby', tasks: ids } as const],
      ...ids.map((task) => ({ type: 'fenced', tasks: [task] }) as const),
      { type: 'assigned', groupId: 'h', tasks: ['7'] },
    ]);
    expect(JSON.stringify(view).length).toBeLessThan(10_000);
    expect(view?.tasks).toMatch(/^g\/0, g\/1, .* and 981 more$/);
    expect(view?.moreCopies).toBe(984);
    expect(view?.events.at(-1)?.tasks).toBe('h/7');
  });
});
