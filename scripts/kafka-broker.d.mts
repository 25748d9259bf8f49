export interface KafkaNode {
  readonly id: number;
  readonly address: string;
  readonly saslAddress: string;
  readonly pid: number | undefined;
  /** At the next start the broker tells clients of the listener behind a proxy this port. */
  advertise(port: number): void;
  start(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface KafkaCluster {
  readonly brokers: string;
  readonly saslBrokers: string;
  readonly tlsBrokers: string;
  readonly expiredBrokers: string;
  readonly mutualBrokers: string;
  readonly certificate: string;
  readonly expiredCertificate: string | undefined;
  readonly proxiedBrokers: string;
  readonly nodes: readonly KafkaNode[];
  readonly classpath: string;
  stop(): Promise<void>;
}

export function whyNoBroker(): string | undefined;
export function ensureKafka(): string;
export function clusterIdOf(bytes: Uint8Array): string;
export function startKafka(options?: {
  nodes?: number;
  properties?: Record<string, string | number>;
  proxy?: (port: number) => Promise<number>;
  users?: readonly string[];
  guarded?: boolean;
  /** The JVM as Kafka's users run it, for benchmarks: faster once it has run for a while. */
  longLived?: boolean;
}): Promise<KafkaCluster>;
export function startInDocker(): Promise<{ readonly brokers: string; stop(): Promise<void> } | undefined>;
