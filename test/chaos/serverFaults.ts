import type { KafkaNode } from '../../scripts/kafka-broker.mjs';
import type { Fault, Scene } from './fault.js';
import { psql } from './psql.js';

/** Those that were killed or frozen, to be brought back. */
const victims = new WeakMap<object, KafkaNode[]>();

function victimOf({ world, pick }: Scene): KafkaNode {
  const victim = pick(world.cluster.nodes);
  victims.set(world, [...(victims.get(world) ?? []), victim]);
  return victim;
}

async function bringBack({ world }: Scene): Promise<void> {
  const all = victims.get(world) ?? [];
  victims.delete(world);
  for (const victim of all) await victim.start();
}

/** Of jobs of this harness: other tests may use the same server. */
const backends = `select count(pg_terminate_backend(pid)) from pg_stat_activity
  where application_name like 'chaos-%'`;

/** What happens to the servers, and between the job and PostgreSQL. */
export const serverFaults: readonly Fault[] = [
  {
    name: 'a broker is killed',
    needsCluster: true,
    begin: (scene) => victimOf(scene).kill('SIGKILL'),
    end: bringBack,
  },
  {
    name: 'a broker is stopped',
    needsCluster: true,
    begin: (scene) => victimOf(scene).kill('SIGTERM'),
    end: bringBack,
  },
  {
    name: 'a broker is frozen',
    needsCluster: true,
    begin: async (scene) => signal(victimOf(scene), 'SIGSTOP'),
    end: async ({ world }) => {
      for (const victim of victims.get(world) ?? []) signal(victim, 'SIGCONT');
      victims.delete(world);
    },
  },
  {
    name: 'PostgreSQL: refuses connections',
    needsPostgres: true,
    begin: ({ world }) => world.postgresProxy.refuse(),
  },
  {
    name: 'PostgreSQL: swallows what is sent',
    needsPostgres: true,
    begin: async ({ world, pick }) => {
      world.postgresProxy.swallow = pick(['up', 'down', 'both'] as const);
    },
  },
  {
    name: 'PostgreSQL: resets connections',
    needsPostgres: true,
    begin: async ({ world }) => world.postgresProxy.cutAll(),
  },
  {
    name: 'PostgreSQL: cuts in the middle of answers',
    needsPostgres: true,
    begin: async ({ world }) => {
      world.postgresProxy.cutRate = 0.05;
    },
  },
  {
    name: 'PostgreSQL: delays',
    needsPostgres: true,
    begin: async ({ world, random }) => {
      world.postgresProxy.delayMs = 20 + random() * 1_000;
    },
  },
  {
    name: 'PostgreSQL: throttles',
    needsPostgres: true,
    begin: async ({ world, random }) => {
      world.postgresProxy.bytesPerSecond = 500 + random() * 20_000;
    },
  },
  {
    name: 'PostgreSQL: ends its sessions',
    needsPostgres: true,
    begin: async ({ world }) => {
      psql(world.postgresUrl, backends);
    },
  },
];

function signal({ pid }: KafkaNode, name: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(pid, name);
}
