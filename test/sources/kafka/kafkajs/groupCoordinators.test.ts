import { describe, expect, it } from 'vitest';
import { GroupCoordinators } from '../../../../src/sources/kafka/kafkajs/groupCoordinators.js';
import type { Broker } from '../../../../src/sources/kafka/kafkajs/kafkajsCluster.js';

/** Coordinators as they are found one after the other; the last one stays. Requests answer with the node that was asked. */
function coordinators(...found: string[]) {
  const asked: string[] = [];
  let looks = 0;
  const lookup = {
    find: async () => found[Math.min(looks++, found.length - 1)] as string,
    connect: async (nodeId: string) => {
      asked.push(nodeId);
      return { nodeId } as unknown as Broker;
    },
  };
  return { groups: new GroupCoordinators(lookup, 5), asked, looks: () => looks };
}

const nodeOf = async (broker: Broker) => (broker as unknown as { readonly nodeId: string }).nodeId;
const never = () => new Promise<never>(() => {});

describe('the coordinator of a group', () => {
  it('is looked up once, and again after a failure', async () => {
    const { groups, asked, looks } = coordinators('1', '2');
    expect([await groups.ask('g', nodeOf), await groups.ask('g', nodeOf)]).toEqual(['1', '1']);
    expect(looks()).toBe(1);
    await expect(groups.ask('g', () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    expect(await groups.ask('g', nodeOf)).toBe('2');
    expect(asked).toEqual(['1', '1', '1', '2']);
  });

  it.each([
    [15, 'COORDINATOR_NOT_AVAILABLE'],
    [16, 'NOT_COORDINATOR'],
  ])('is looked up again after an answer with error %i, %s', async (errorCode) => {
    const { groups } = coordinators('1', '2');
    expect(await groups.ask('g', async () => ({ errorCode }))).toEqual({ errorCode });
    expect(await groups.ask('g', nodeOf)).toBe('2');
  });

  it('is left when it is silent and another broker has its groups', async () => {
    const { groups, looks } = coordinators('1', '1', '1', '2');
    await expect(groups.ask('g', never)).rejects.toMatchObject({
      ...{ code: 'PROTOCOL', retriable: true, kafkaError: 'NOT_COORDINATOR' },
    });
    expect(looks()).toBe(4);
    expect(await groups.ask('g', nodeOf)).toBe('2');
  });

  it('is waited for while it is still the one', async () => {
    const { groups, looks } = coordinators('1');
    const answer = () =>
      new Promise<string>((resolve) => {
        const timer = setInterval(() => {
          if (looks() < 4) return;
          clearInterval(timer);
          resolve('joined');
        }, 5);
      });
    expect(await groups.ask('g', answer)).toBe('joined');
  });

  it('is waited for, too, while nobody can say which it is', async () => {
    let looks = 0;
    const groups = new GroupCoordinators(
      {
        find: async () => {
          if (++looks > 1) throw new Error('no broker answers');
          return '1';
        },
        connect: async (nodeId) => ({ nodeId }) as unknown as Broker,
      },
      5,
    );
    expect(await groups.ask('g', () => new Promise((resolve) => setTimeout(resolve, 50, 'late')))).toBe('late');
  });
});
