import { isIP } from 'node:net';
import { InvalidOptionError } from '../../batch/errors.js';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { arrayOf, checkBoolean, checkPort, checkText, withMethods } from '../../options/checks.js';
import type { MetricsRegistry } from './boardListener.js';

/** Options of `dashboard`. */
export interface DashboardOptions {
  /**
   * The port, an integer from 0 to 65535; 0 takes a free one.
   * @default 4040
   */
  readonly port?: number | undefined;
  /**
   * The address or name to listen on. Any but loopback needs a `token`.
   * @default '127.0.0.1'
   */
  readonly host?: string | undefined;
  /**
   * What a reader must have: 16 characters at least. Pages are opened with it in the fragment, `#token=...`, which no server
   * and no log sees; `/metrics` and `/api` also take it as `Authorization: Bearer`.
   * Default: everybody who reaches the port may read, which must be of loopback then.
   */
  readonly token?: string | undefined;
  /**
   * Further names under which requests arrive, such as that of a proxy. A request whose `Host` names neither one of these, nor
   * `host`, nor the address that it arrived at is refused with 421.
   * @default none
   */
  readonly hosts?: readonly string[] | undefined;
  /**
   * What `/metrics` answers with: a registry of prom-client, the one of `prometheusMonitor`.
   * Default: there is no `/metrics`.
   */
  readonly registry?: MetricsRegistry | undefined;
  /**
   * Whether the messages of errors are shown. They may quote records: `"oops" is not valid JSON`.
   * @default false
   */
  readonly showErrors?: boolean | undefined;
}

/** The options with their defaults, checked. */
export interface ResolvedDashboardOptions {
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
  /** What `Host` may name beside the address that a request arrived at. */
  readonly hosts: readonly string[];
  readonly registry: MetricsRegistry | undefined;
  readonly showErrors: boolean;
}

const minTokenLength = 16;

const optionChecks: OptionChecks<DashboardOptions> = {
  port: checkPort,
  host: checkText,
  token: checkToken,
  hosts: arrayOf(checkText),
  registry: withMethods('metrics'),
  showErrors: checkBoolean,
};

/** The message does not show it. */
function checkToken(owner: string, option: string, token: unknown): void {
  if (typeof token === 'string' && token.length >= minTokenLength && /^[!-~]+$/.test(token)) return;
  const shown = typeof token === 'string' ? `${token.length} characters` : typeof token;
  const rule = `must have at least ${minTokenLength} characters, of ASCII and without spaces`;
  throw new InvalidOptionError(owner, option, shown, rule);
}

/** @throws {InvalidOptionError} naming the option, its value and the rule; never the token */
export function resolveDashboardOptions(options: DashboardOptions): ResolvedDashboardOptions {
  checkOptions('dashboard', options, optionChecks);
  const { port = 4040, host = '127.0.0.1', token, hosts = [], registry, showErrors = false } = options;
  if (token === undefined && !isLoopback(host)) {
    throw new InvalidOptionError('dashboard', 'token', token, `must be set, as host (${host}) is not loopback`);
  }
  // The machine's own names for itself are those of loopback whatever it listens on: a forwarded port arrives there too.
  const names = ['localhost', '127.0.0.1', '::1', ...(isIP(host) && isUnspecified(host) ? [] : [host]), ...hosts];
  return { port, host, token, hosts: names, registry, showErrors };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
