import { describe, expect, it } from 'vitest';
import type { KafkajsPort } from '../../../../src/sources/kafka/kafkajs/kafkajsPort.js';
import { SharedPort } from '../../../../src/sources/kafka/kafkajs/sharedPort.js';

/** Ports whose requests are noted, and answered when the test says so. */
function ports() {
  const opened: { closed: boolean; readonly metadata: (readonly string[] | undefined)[]; readonly ends: unknown[] }[] =
    [];
  const shared = new SharedPort(() => {
    const port = { closed: false, metadata: [] as (readonly string[] | undefined)[], ends: [] as unknown[] };
    opened.push(port);
    return {
      metadata: async (topics?: readonly string[]) => {
        port.metadata.push(topics);
        return (topics ?? ['a', 'b']).map((topic) => ({ topic }));
      },
      listOffsets: async (leader: string, partitions: readonly object[], timestamp: number) => {
        port.ends.push([leader, partitions.length, timestamp]);
        return partitions.map((place) => ({ ...place, offset: 1n }));
      },
      fetch: () => new Promise(() => {}),
      disconnect: () => {
        port.closed = true;
      },
      ids: () => ({ clientId: 'c', clusterId: 'k' }),
    } as unknown as KafkajsPort;
  });
  return { shared, opened };
}

const place = (topic: string, partition: number) => ({ topic, partition });

describe('shared connections', () => {
  it('are made for the first request, and closed with the last stream', async () => {
    const { shared, opened } = ports();
    const [one, two] = [shared.lease(), shared.lease()];
    expect([shared.clients, opened.length]).toEqual([0, 0]);
    await Promise.all([one.connect(), two.connect()]);
    expect([shared.clients, opened.length]).toEqual([2, 1]);
    one.disconnect();
    expect(opened[0]?.closed).toBe(false);
    two.disconnect();
    expect([shared.clients, opened[0]?.closed]).toEqual([0, true]);
    await shared.lease().connect();
    expect(opened.length).toBe(2);
  });

  it('unite what streams ask in one turn, and answer each what it asked', async () => {
    const { shared, opened } = ports();
    const [one, two] = [shared.lease(), shared.lease()];
    const [first, second] = await Promise.all([one.metadata(['a', 'b']), two.metadata(['b', 'c'])]);
    expect([first, second].map((found) => found.map(({ topic }) => topic))).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ]);
    expect(opened[0]?.metadata).toEqual([['a', 'b', 'c']]);
    const ends = await Promise.all([
      one.listOffsets('1', [place('a', 0), place('b', 0)], -1, 'read_committed'),
      two.listOffsets('1', [place('b', 0)], -1, 'read_committed'),
      two.listOffsets('1', [place('b', 0)], -2, 'read_committed'),
    ]);
    expect(ends.map((found) => found.map(({ topic }) => topic))).toEqual([['a', 'b'], ['b'], ['b']]);
    expect(opened[0]?.ends).toEqual([
      ['1', 2, -1],
      ['1', 1, -2],
    ]);
  });

  it('end the requests of a stream that ends, and of no other', async () => {
    const { shared } = ports();
    const [one, two] = [shared.lease(), shared.lease()];
    const fetches = [one, two].map((port) => port.fetch('1', {} as never).catch((error: Error) => error.message));
    await new Promise((resolve) => setImmediate(resolve));
    one.disconnect();
    expect(await fetches[0]).toBe('the client is closed');
    await expect(one.metadata(['a'])).rejects.toThrow('the client is closed');
    await expect(two.metadata(['a'])).resolves.toHaveLength(1);
    shared.close(new Error('the runtime is closed'));
    expect(await fetches[1]).toBe('the runtime is closed');
    await expect(shared.lease().metadata(['a'])).rejects.toThrow('the runtime is closed');
  });
});
