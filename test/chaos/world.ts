import { type KafkaCluster, startKafka } from '../../scripts/kafka-broker.mjs';
import { startPostgres } from '../../scripts/postgres.mjs';
import { FaultyProxy } from '../support/faultyProxy.js';
import { psql } from './psql.js';

/** The servers that the job uses, each behind a proxy; what sends and judges goes around the proxies. */
export interface World {
  readonly cluster: KafkaCluster;
  /** The job's way to each broker, in the order of the brokers. */
  readonly brokerProxies: readonly FaultyProxy[];
  /** The job's way to PostgreSQL. */
  readonly postgresProxy: FaultyProxy;
  readonly postgresUrl: string;
  readonly proxiedPostgresUrl: string;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Number of brokers. Default: 3. */
  readonly nodes?: number;
  readonly seed: number;
  /** A PostgreSQL that runs already. Default: one is started. */
  readonly postgresUrl?: string | undefined;
}

/** Without any key on the rows: what was written twice is there twice. */
const tables = `create table if not exists chaos_rows (job text, partition int, at bigint, value text, n bigint);
  create table if not exists chaos_ids (job text, id text, primary key (job, id))`;

export async function startWorld({ nodes = 3, seed, postgresUrl }: WorldOptions): Promise<World> {
  const proxies: FaultyProxy[] = [];
  const started = postgresUrl === undefined ? await startPostgres() : undefined;
  const url = postgresUrl ?? started?.url ?? '';
  const address = new URL(url);
  const postgresProxy = await FaultyProxy.start(Number(address.port), { protocol: 'raw', seed: seed + 100 });
  const proxiedUrl = new URL(url);
  proxiedUrl.host = postgresProxy.address;
  let cluster: KafkaCluster | undefined;
  const close = async () => {
    await Promise.all([postgresProxy, ...proxies].map((proxy) => proxy.close()));
    await Promise.all([cluster?.stop(), started?.stop()]);
  };
  try {
    psql(url, tables);
    cluster = await startKafka({
      nodes,
      // A record that a broker alone has is not acknowledged: its death loses nothing.
      properties: { 'min.insync.replicas': Math.min(2, nodes), 'log.retention.check.interval.ms': 300_000 },
      proxy: async (port) => {
        const proxy = await FaultyProxy.start(port, { seed: seed + proxies.length });
        proxies.push(proxy);
        return proxy.port;
      },
    });
  } catch (error) {
    await close();
    throw error;
  }
  const ports = cluster.proxiedBrokers.split(',').map((broker) => Number(broker.split(':')[1]));
  const brokerProxies = ports.map((port) => proxies.find((proxy) => proxy.port === port) as FaultyProxy);
  return { cluster, brokerProxies, postgresProxy, postgresUrl: url, proxiedPostgresUrl: proxiedUrl.href, close };
}

/** Every connection of the job works again; those that have lost bytes, which no server repeats, are cut. */
export function heal({ brokerProxies, postgresProxy }: World, cut: boolean): Promise<unknown> {
  return Promise.all(
    [...brokerProxies, postgresProxy].map(async (proxy) => {
      proxy.heal();
      if (cut) proxy.cutAll();
      await proxy.listen();
    }),
  );
}
