import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignTasks, type TaskClaims } from '../../../src/sources/group/assignTasks.js';
import { propertySettings } from '../../property/settings.js';

const member = (memberId: string, held: readonly string[] = [], more: Partial<TaskClaims> = {}): TaskClaims => ({
  ...{ memberId, since: 0, held, generation: 1 },
  ...more,
});
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const assigned = (members: readonly TaskClaims[], tasks: readonly string[]) =>
  Object.fromEntries(assignTasks(members, tasks));

describe('assignTasks', () => {
  it('gives one member everything', () => {
    expect(assigned([member('a')], numbers(3))).toEqual({ a: ['0', '1', '2'] });
  });

  it('moves as few as it must to a member that joins, and not before their owners have let go', () => {
    const three = [
      member('a', ['0', '1', '2', '3']),
      member('b', ['4', '5', '6', '7']),
      member('c', ['8', '9', '10', '11']),
      member('d'),
    ];
    expect(assigned(three, numbers(12))).toEqual({
      a: ['0', '1', '2'],
      b: ['4', '5', '6'],
      c: ['8', '9', '10'],
      d: [],
    });
  });

  it('shares evenly where the shares cannot be equal', () => {
    const four = [member('a', ['0', '1', '2']), member('b', ['3', '4', '5']), member('c')];
    expect(assigned(four, numbers(8))).toEqual({ a: ['0', '1', '2'], b: ['3', '4', '5'], c: ['6', '7'] });
  });

  it('leaves the only task with the one that has it, else gives it to the first by instance id, or by age', () => {
    const [a, b] = [member('a', [], { instanceId: 'pod-1' }), member('b', ['all'], { instanceId: 'pod-0' })];
    expect(assigned([a, b], ['all'])).toEqual({ a: [], b: ['all'] });
    expect(assigned([a, { ...b, held: [] }], ['all'])).toEqual({ a: [], b: ['all'] });
    expect(assigned([member('a', [], { since: 2 }), member('b', [], { since: 1 })], ['all'])).toEqual({
      a: [],
      b: ['all'],
    });
  });

  it('believes the later of two claims, and neither of two of one generation', () => {
    const [a, b] = [member('a', ['0'], { generation: 4 }), member('b', ['0'], { generation: 5 })];
    expect(assigned([a, b], ['0', '1'])).toEqual({ a: ['1'], b: ['0'] });
    expect(assigned([a, { ...b, generation: 4 }], ['0', '1'])).toEqual({ a: ['1'], b: [] });
  });

  const copies = (rank: number, ...ids: readonly string[]) => ({ copies: new Map(ids.map((id) => [id, rank])) });

  it('gives what nobody has to a member with a copy of it, the better one first', () => {
    const three = [
      member('a', ['0', '1']),
      member('b', ['2', '3'], copies(1, '4', '5')),
      member('c', [], copies(2, '5')),
    ];
    expect(assigned([...three.slice(0, 2), member('c')], numbers(6))).toMatchObject({ c: ['4', '5'] });
    expect(
      assigned(
        [member('a', ['0']), member('b', ['1'], copies(1, '2', '3')), member('c', [], copies(2, '3'))],
        numbers(6),
      ),
    ).toEqual({
      a: ['0', '4'],
      b: ['1', '2'],
      c: ['3', '5'],
    });
    expect(assigned(three, numbers(6))).toEqual({ a: ['0', '1'], b: ['2', '3'], c: ['5', '4'] });
  });

  it('takes a copy of no use for none', () => {
    const three = (rank: number) => [member('a', ['0']), member('b'), member('c', [], copies(rank, '1'))];
    expect(assigned(three(0), numbers(2))).toEqual({ a: ['0'], b: ['1'], c: [] });
    expect(assigned(three(1), numbers(2))).toEqual({ a: ['0'], b: [], c: ['1'] });
  });

  it('does not give a member with copies more than its share', () => {
    const two = [member('a', ['0', '1'], copies(2, '2', '3', '4', '5')), member('b')];
    expect(assigned(two, numbers(6))).toEqual({ a: ['0', '1', '2'], b: ['3', '4', '5'] });
  });

  it('moves what the member that is due more has a copy of', () => {
    const two = [member('a', ['0', '1', '2', '3']), member('b', [], copies(1, '0', '2'))];
    expect(assigned(two, numbers(4))).toEqual({ a: ['1', '3'], b: [] });
  });

  it('gives each task to one member at most, none that another claims, and comes to even shares', () => {
    const claims = fc.record({
      tasks: fc.integer({ min: 0, max: 20 }),
      members: fc.integer({ min: 1, max: 6 }),
      owners: fc.array(fc.integer({ min: -1, max: 5 }), { minLength: 20, maxLength: 20 }),
      ranks: fc.array(fc.array(fc.nat(2), { minLength: 20, maxLength: 20 }), { minLength: 6, maxLength: 6 }),
    });
    fc.assert(
      fc.property(claims, ({ tasks, members, owners, ranks }) => {
        const copiesOf = (m: number) =>
          new Map(numbers(tasks).flatMap((id, i) => (ranks[m]?.[i] ? [[id, ranks[m]?.[i] ?? 0] as const] : [])));
        const all = numbers(tasks);
        let held = Array.from({ length: members }, (_, m) => all.filter((_, i) => owners[i] === m));
        for (let round = 0; round < 3; round++) {
          const result = assignTasks(
            held.map((mine, m) => member(String(m), mine, { copies: copiesOf(m) })),
            all,
          );
          const given = [...result.values()].flat();
          expect(new Set(given).size).toBe(given.length);
          for (const [m, mine] of result) {
            for (const task of mine) {
              expect(held.some((others, other) => String(other) !== m && others.includes(task))).toBe(false);
            }
          }
          held = held.map((_, m) => [...(result.get(String(m)) ?? [])]);
        }
        expect(held.flat().length).toBe(tasks);
        const sizes = held.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
      propertySettings(500),
    );
  });
});
