import { checkFunction } from '../options/checks.js';
import type { ContractCase } from './contracts/contractCase.js';
import { logFetchCases } from './contracts/logFetchCases.js';
import { logIdentityCases } from './contracts/logIdentityCases.js';
import { logPlaceCases } from './contracts/logPlaceCases.js';
import { LogTrial } from './contracts/logTrial.js';
import type { TestedLog } from './contracts/testedLog.js';

/**
 * What every client of a partitioned log must do, as named cases to be run under any test runner: the ends of partitions,
 * positions of groups, fetches within their bounds, records read in steps, offsets that are gone, topics that were created again.
 *
 * `newLog` is called once for each case; topics have new names each time, so that all of them may share a cluster. A case
 * that does not hold rejects with an Error that says where what came differs from what was expected. Brokers that are lost
 * and leaders that move are not among the cases: stop a broker for that.
 *
 * @throws {InvalidOptionError} when `newLog` is not a function
 *
 * @example
 * ```ts
 * import { memoryLog } from 'dstream';
 * import { logClientContract } from 'dstream/testing';
 *
 * // With a test runner: for (const { name, run } of cases) it(name, run);
 * const cases = logClientContract(() => {
 *   const log = memoryLog();
 *   return {
 *     client: () => log,
 *     createTopic: (topic, partitions) => log.createTopic(topic, partitions),
 *     addPartitions: (topic, partitions) => log.createTopic(topic, partitions),
 *     append: (topic, records) => log.append(topic, records),
 *     truncate: (topic, partition, offset) => log.truncate(topic, partition, offset),
 *     deleteTopic: (topic) => log.deleteTopic(topic),
 *   };
 * });
 * for (const { run } of cases) await run();
 * console.log(cases[0]?.name);
 * // => lists partitions in order of topic and number
 * ```
 */
export function logClientContract(newLog: () => TestedLog | PromiseLike<TestedLog>): readonly ContractCase[] {
  checkFunction('logClientContract', 'newLog', newLog);
  return Object.entries({ ...logPlaceCases, ...logFetchCases, ...logIdentityCases }).map(([name, run]) => ({
    name,
    run: async () => {
      const trial = new LogTrial(await newLog());
      try {
        await run(trial);
      } finally {
        await trial.end();
      }
    },
  }));
}
