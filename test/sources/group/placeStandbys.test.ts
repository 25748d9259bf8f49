import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignTasks } from '../../../src/sources/group/assignTasks.js';
import { placeStandbys, type StandbyMember } from '../../../src/sources/group/placeStandbys.js';
import { propertySettings } from '../../property/settings.js';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
/** A member with copies that are not behind. */
const member = (
  memberId: string,
  copies: readonly string[] = [],
  place = memberId,
  behind?: number,
): StandbyMember => ({
  memberId,
  standby: { place, copies: copies.map((task) => ({ task, behind: behind ?? 0 })) },
});
const ownersOf = (assigned: Readonly<Record<string, readonly string[]>>) =>
  new Map(Object.entries(assigned).flatMap(([id, tasks]) => tasks.map((task) => [task, id] as const)));
const placed = (
  assigned: Readonly<Record<string, readonly string[]>>,
  members: readonly StandbyMember[],
  standbys = 1,
) => {
  const tasks = Object.values(assigned)
    .flat()
    .sort((a, b) => Number(a) - Number(b));
  return Object.fromEntries(placeStandbys(ownersOf(assigned), members, tasks, standbys));
};

describe('placeStandbys', () => {
  it('places nothing on a lone member, and each on the other one of two', () => {
    expect(placed({ a: ['0', '1'] }, [member('a')])).toEqual({ a: [] });
    expect(placed({ a: ['0', '2'], b: ['1'] }, [member('a'), member('b')])).toEqual({ a: ['1'], b: ['0', '2'] });
  });

  it('shares what a member would leave behind among all others', () => {
    const assigned = { a: ['0', '1', '2', '3'], b: ['4', '5', '6', '7'], c: ['8', '9', '10', '11'] };
    const result = placed(
      assigned,
      ['a', 'b', 'c'].map((id) => member(id)),
    );
    for (const [owner, tasks] of Object.entries(assigned)) {
      const counts = Object.entries(result).map(([id, kept]) => [id, kept.filter((one) => tasks.includes(one)).length]);
      expect(counts.filter(([id]) => id !== owner).map(([, count]) => count)).toEqual([2, 2]);
    }
  });

  it('leaves a copy that is begun where it is, unless another member has a whole one', () => {
    const begun: StandbyMember = {
      memberId: 'b',
      standby: { place: 'b', copies: [{ task: '0', behind: 9, isBegun: true }] },
    };
    expect(placed({ a: ['0'] }, [member('a'), begun, member('c')])).toMatchObject({ b: ['0'], c: [] });
    expect(placed({ a: ['0'] }, [member('a'), member('0'), begun])).toMatchObject({ 0: [], b: ['0'] });
    expect(placed({ a: ['0'] }, [member('a'), begun, member('c', ['0'])])).toMatchObject({ b: [], c: ['0'] });
  });

  it('places as many as members allow', () => {
    const members = ['a', 'b', 'c'].map((id) => member(id));
    expect(placed({ a: ['0'], b: ['1'], c: ['2'] }, members, 5)).toEqual({
      a: ['1', '2'],
      b: ['0', '2'],
      c: ['0', '1'],
    });
  });

  it('leaves copies where they are, and moves only what a member that joins is due', () => {
    const assigned = { a: ['0', '1', '2'], b: ['3', '4', '5'], c: [] };
    const members = [member('a', ['3', '4', '5', '0', '1', '2']), member('b', ['0', '1', '2']), member('c')];
    expect(placed(assigned, members)).toEqual({ a: ['3', '4'], b: ['0', '1'], c: ['2', '5'] });
  });

  it('prefers one that follows to an old copy, and an old copy to none', () => {
    const assigned = { a: ['0'], b: [], c: [], d: [] };
    const old = { memberId: 'c', standby: { place: 'c', copies: [{ task: '0', behind: undefined }] } };
    expect(placed(assigned, [member('a'), member('b'), old, member('d', ['0'])])).toMatchObject({ d: ['0'] });
    expect(placed(assigned, [member('a'), member('b'), old, member('d', ['0'], 'd', 10_001)])).toMatchObject({
      c: ['0'],
    });
    expect(placed(assigned, [member('a'), member('b'), old, member('d')])).toMatchObject({ c: ['0'] });
  });

  it('places none where the directory of the owner is, nor two in one directory', () => {
    const members = [member('a', [], 'x'), member('b', [], 'x'), member('c', [], 'y'), member('d', [], 'y')];
    const result = placed({ a: ['0', '1'], b: [], c: [], d: [] }, members, 3);
    expect([...(result.a ?? []), ...(result.b ?? [])]).toEqual([]);
    expect([...(result.c ?? []), ...(result.d ?? [])].sort()).toEqual(['0', '1']);
  });

  it('places copies of a task without an owner, or of one that keeps none', () => {
    expect(Object.fromEntries(placeStandbys(new Map(), [member('a')], ['0'], 1))).toEqual({ a: ['0'] });
    expect(placed({ a: ['0', '1'] }, [member('b'), member('c')])).toEqual({ b: ['0'], c: ['1'] });
  });

  it('is never on the owner, even, and the same again, through joins and leaves', () => {
    const lives = fc.record({
      tasks: fc.integer({ min: 0, max: 24 }),
      standbys: fc.integer({ min: 1, max: 3 }),
      counts: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
      /** Which members the first ones are, so that those that leave are not the last ones alone. */
      first: fc.array(fc.nat(3), { minLength: 5, maxLength: 5 }),
    });
    fc.assert(
      fc.property(lives, ({ tasks: count, standbys, counts, first }) => {
        const tasks = numbers(count);
        let held = new Map<string, readonly string[]>();
        let kept: ReadonlyMap<string, readonly string[]> = new Map();
        for (const [turn, size] of counts.entries()) {
          const ids = Array.from({ length: size }, (_, i) => `m${i + (first[turn] ?? 0)}`);
          const claims = () =>
            ids.map((memberId) => ({ memberId, since: 0, held: held.get(memberId) ?? [], generation: 1 }));
          // Once without what moves, and once with it.
          for (const _ of [1, 2]) held = new Map([...assignTasks(claims(), tasks)].map(([id, mine]) => [id, mine]));
          const owners = ownersOf(Object.fromEntries(held));
          const members = ids.map((id) => member(id, kept.get(id) ?? []));
          kept = placeStandbys(owners, members, tasks, standbys);
          const misplaced = tasks.filter((task) => {
            const keepers = ids.filter((id) => kept.get(id)?.includes(task));
            return keepers.includes(owners.get(task) ?? '') || keepers.length !== Math.min(standbys, size - 1);
          });
          expect(misplaced).toEqual([]);
          const sizes = ids.map((id) => kept.get(id)?.length ?? 0);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          const again = placeStandbys(
            owners,
            [...ids].reverse().map((id) => member(id, kept.get(id))),
            tasks,
            standbys,
          );
          expect(again).toEqual(kept);
        }
      }),
      propertySettings(500),
    );
  });
});
