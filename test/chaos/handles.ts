import type { JobConfig } from './modes.js';

/** What keeps the event loop alive, seen from a timer after `ms`: one timer is always there. */
export function handlesInTimer(ms: number): Promise<readonly string[]> {
  return new Promise((resolve) => setTimeout(() => resolve(process.getActiveResourcesInfo()), ms));
}

/** Those of `all` that are beyond `own`, as multisets. */
export function handlesBeyond(all: readonly string[], own: readonly string[]): readonly string[] {
  const left = [...own];
  return all.filter((handle) => {
    const at = left.indexOf(handle);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** To which server each open socket leads: the job's own client of PostgreSQL is not the library's. */
export function peersOf({ brokers, postgresUrl }: JobConfig): readonly string[] {
  const postgres = Number(new URL(postgresUrl).port);
  const open = (process as unknown as { _getActiveHandles(): { readonly remotePort?: number }[] })._getActiveHandles();
  return open.flatMap(({ remotePort }) => {
    if (remotePort === undefined) return [];
    if (remotePort === postgres) return ['to PostgreSQL'];
    return [brokers.some((broker) => broker.endsWith(`:${remotePort}`)) ? 'to a broker' : `to port ${remotePort}`];
  });
}
