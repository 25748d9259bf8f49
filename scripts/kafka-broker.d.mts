export interface KafkaNode {
  readonly id: number;
  readonly address: string;
  readonly saslAddress: string;
  readonly pid: number | undefined;
  start(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface KafkaCluster {
  readonly brokers: string;
  readonly saslBrokers: string;
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
}): Promise<KafkaCluster>;
export function startInDocker(): Promise<{ readonly brokers: string; stop(): Promise<void> } | undefined>;
