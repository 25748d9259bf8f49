import { memoryLog } from 'dstream';
import { groupClientContract, memoryGroup } from 'dstream/testing';
import { describe, it } from 'vitest';

describe('memoryGroup', () => {
  const cases = groupClientContract(() => {
    const log = memoryLog();
    const group = memoryGroup({ log });
    return { client: () => group.client(), createTopic: (topic, partitions) => log.createTopic(topic, partitions) };
  });
  // One of them waits for the end of a session: all at once, they take as long as that one.
  for (const { name, run } of cases) it.concurrent(name, { timeout: 600_000 }, run);
});
