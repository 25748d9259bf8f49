import type { Health } from './health.js';

/** The answer to a probe, whatever the server. */
export interface HealthAnswer {
  readonly status: 200 | 405 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export function healthAnswer(health: Pick<Health, 'check'>, method: string, pathname: string): HealthAnswer {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' }, body: null };
  const report = health.check();
  const healthy = /\/livez?$/.test(pathname) ? report.live : report.ready;
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return { status: healthy ? 200 : 503, headers, body: method === 'HEAD' ? null : JSON.stringify(report) };
}
