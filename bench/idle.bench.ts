// How much of a core does a stream use that has nothing to read? Beside a group member of kafkajs, Java's consumer, and a Node process with a
// timer of one second.
//
//   npm run bench -- idle [--rounds N] [--seconds N] [--settle N] [--partitions N] [--intervals 1000] [--brokers HOST:PORT]
//
// Each in a process of its own, all at the same time, so that they have the same machine. A process settles before it is measured, because
// for its first seconds it compiles. CPU time is that of the process with all its threads, garbage collection included.
import { randomUUID } from 'node:crypto';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startKafka } from '../scripts/kafka-broker.mjs';
import { buildContenders, inNode, measure } from './latency/contenders.js';
import { makeTopic } from './latency/topic.js';
import { rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '60' },
    settle: { type: 'string', default: '20' },
    partitions: { type: 'string', default: '64' },
    intervals: { type: 'string', default: '1000' },
    brokers: { type: 'string' },
  },
});
const [rounds, seconds, settle, partitions] = [options.rounds, options.seconds, options.settle, options.partitions].map(
  Number,
) as [number, number, number, number];

async function main(): Promise<void> {
  const [load = 0] = loadavg();
  const cluster = options.brokers === undefined ? await startKafka({ longLived: true }) : undefined;
  const brokers = options.brokers ?? cluster?.brokers ?? '';
  const topic = `bench-${randomUUID()}`;
  try {
    await makeTopic(brokers, topic, partitions);
    const contenders = [...buildContenders(options.intervals.split(',').map(Number)), inNode('node, a timer')];
    const percents = new Map(contenders.map(({ name }): [string, number[]] => [name, []]));
    for (let round = 1; round <= rounds; round++) {
      await Promise.all(
        contenders.map(async (contender) => {
          const work = () => sleep(seconds * 1_000);
          const { core } = await measure(contender, brokers, topic, work, settle * 1_000);
          percents.get(contender.name)?.push(core * 100);
          console.log(`round ${round}  ${contender.name.padEnd(22)} ${(core * 100).toFixed(2)} %`);
        }),
      );
    }
    const rows = [...percents].map(([name, samples]) => rowOf(name, samples));
    const kafkajs = rows.find(({ name }) => name.startsWith('kafkajs'))?.median ?? Number.NaN;
    const ratios = Object.fromEntries(
      rows
        .filter(({ name }) => name.startsWith('dstream'))
        .map(({ name, median }) => [`${name}, over kafkajs`, median / kafkajs]),
    );
    writeResults('idle', {
      unit: `% of a core, ${partitions} partitions`,
      rows,
      ratios,
      rounds,
      seconds,
      settle,
      load,
    });
  } finally {
    await cluster?.stop();
  }
}

await main();
