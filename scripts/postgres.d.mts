export interface PostgresServer {
  readonly url: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

export function whyNoPostgres(): string | undefined;
export function startPostgres(options?: { settings?: Record<string, string | number> }): Promise<PostgresServer>;
