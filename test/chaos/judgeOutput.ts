import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { produce } from '../support/kafka.js';
import { compareOutput, type OutputVerdict, type WrittenRow } from './compareOutput.js';
import { consoleConsumer, type ReadRecord } from './consoleConsumer.js';
import type { JobConfig } from './modes.js';
import { psql } from './psql.js';
import { partitions } from './sender.js';
import type { World } from './world.js';

/**
 * The second judge, which shares no code with the library: `input` is what Kafka's own console consumer reads, the output what that
 * and PostgreSQL's own client read.
 */
export async function judgeOutput({
  world,
  kafka,
  config,
  input,
}: {
  readonly world: World;
  readonly kafka: Kafka;
  readonly config: JobConfig;
  readonly input: readonly ReadRecord[];
}): Promise<OutputVerdict> {
  const output =
    config.mode === 'transactions'
      ? (await readToEnd(world, kafka, config.output)).map(({ value }) => rowOf(JSON.parse(value)))
      : psql(
          world.postgresUrl,
          `select json_build_array(partition, at, value, n) from chaos_rows where job = '${config.job}'`,
        ).map((line) => rowOf(JSON.parse(line)));
  return compareOutput(input, output, config.mode !== 'transactions');
}

function rowOf([partition, offset, value, n]: [number, number, string, number]): WrittenRow {
  return { partition, offset, value, n };
}

/** All committed records of a topic that nobody else writes to any more. */
export async function readToEnd(world: World, kafka: Kafka, topic: string): Promise<readonly ReadRecord[]> {
  const end = `end ${randomUUID()}`;
  await produce(kafka, topic, [Array.from({ length: partitions }, (_, partition) => ({ partition, value: end }))]);
  return consoleConsumer(world.cluster.brokers, topic, { end, partitions });
}
