import { checkFunction } from '../options/checks.js';
import type { ContractCase } from './contracts/contractCase.js';
import { GroupTrial, groupCases, type TestedGroup } from './contracts/groupCases.js';

/**
 * What every coordinator of groups must do, as named cases to be run under any test runner: joins that wait for each other, generations,
 * members that leave or are not heard of, static members. `memoryGroup` and Kafka both do it.
 *
 * `newGroup` is called once for each case; groups and topics have new names each time. A case that does not hold rejects with an Error that
 * says where what came differs from what was expected. One case waits for the end of a session, 6 seconds.
 *
 * @throws {InvalidOptionError} if `newGroup` is not a function
 *
 * @example
 * ```ts
 * import { memoryLog } from 'dstream';
 * import { groupClientContract, memoryGroup } from 'dstream/testing';
 *
 * // With a test runner: for (const { name, run } of cases) it(name, run);
 * const cases = groupClientContract(() => {
 *   const log = memoryLog();
 *   const group = memoryGroup({ log });
 *   return {
 *     client: () => group.client(),
 *     createTopic: (topic, partitions) => log.createTopic(topic, partitions),
 *   };
 * });
 * await cases[0]?.run();
 * console.log(cases[0]?.name);
 * // => makes a lone member the leader, and returns what it assigns
 * ```
 */
export function groupClientContract(newGroup: () => TestedGroup | PromiseLike<TestedGroup>): readonly ContractCase[] {
  checkFunction('groupClientContract', 'newGroup', newGroup);
  return Object.entries(groupCases).map(([name, run]) => ({
    name,
    run: async () => {
      const trial = new GroupTrial(await newGroup());
      try {
        await trial.begin();
        await run(trial);
      } finally {
        await trial.end();
      }
    },
  }));
}
