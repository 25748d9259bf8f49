import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { config } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import type { GroupEvent } from '../../batch/monitoring/groupEvent.js';
import type { StreamMonitor } from '../../batch/monitoring/streamMonitor.js';
import { health } from '../../monitors/health.js';
import { Access } from './access.js';
import { boardListener } from './boardListener.js';
import { type DashboardOptions, type ResolvedDashboardOptions, resolveDashboardOptions } from './dashboardOptions.js';
import { GroupRecord } from './groupRecord.js';
import { PageFeed } from './pageFeed.js';
import { builtPage, PageFiles } from './pageFiles.js';
import { StreamRecord } from './streamRecord.js';

/** A page on which streams can be watched: one of their `monitors`. */
export interface Dashboard extends StreamMonitor, AsyncDisposable {
  /** Where the page is, without the token. */
  readonly url: string;
  /** Receives what happens to the process as a member of its group: given as `groupObserver` too, the board shows it and is ready on standby. */
  next(event: GroupEvent): void;
  /** Closes the server and the connections of all pages. */
  close(): Promise<void>;
}

/**
 * Serves a page that shows streams as they run: input, delays, lag by partition, the reason for the rate, state, batches and
 * errors. It is a monitor of one stream or many, and does not keep the process alive. See docs/dashboard.md.
 *
 * The page shows no key, no value and no header of a record, and no message of an error unless `showErrors` is set.
 *
 * @throws {InvalidOptionError} when an option is out of its range, the port is taken, or the host is not loopback and there is
 * no token
 *
 * @see health
 * @see prometheusMonitor
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches } from 'dstream';
 * import { dashboard } from 'dstream/node';
 *
 * const board = await dashboard({ port: 0 });
 * fromBatches([['a', 'b']], { interval: 10, name: 'letters', monitors: [board] })
 *   .pipe(foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       const { streams } = await (await fetch(`${board.url}api/streams`)).json();
 *       console.log(streams[0].name, streams[0].status);
 *       await board.close();
 *     },
 *   });
 * // => letters stopped
 * ```
 */
export async function dashboard(options: DashboardOptions = {}): Promise<Dashboard> {
  return openDashboard(resolveDashboardOptions(options), builtPage);
}

/** The same with the page of another folder. */
export async function openDashboard(options: ResolvedDashboardOptions, page: URL): Promise<Dashboard> {
  const records = new Map<string, StreamRecord>();
  const group = new GroupRecord(options.showErrors);
  const feed = new PageFeed(records, group, () => performance.now(), reportUnhandled);
  const probes = health();
  const { access, files } = { access: new Access(options), files: new PageFiles(page) };
  const server = createServer(
    boardListener({ access, records, feed, files, health: probes, registry: options.registry }),
  );
  // Watching must not keep a process alive whose streams have ended.
  server.on('connection', (socket) => socket.unref());
  await listen(server, options);
  server.unref();
  const run = randomUUID().slice(0, 8);
  const close = async () => {
    feed.close();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      // After what was just written has left.
      setImmediate(() => server.closeAllConnections());
    });
  };
  return {
    url: urlOf(server),
    run: (stream) => {
      probes.run(stream);
      const record = records.get(stream.name) ?? new StreamRecord(stream, run, options.showErrors);
      records.set(stream.name, record);
      return record.watch(stream);
    },
    next: (event) => {
      probes.next(event);
      group.next(event);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** @throws {InvalidOptionError} when the port or the host cannot be listened on */
function listen(server: Server, { port, host }: ResolvedDashboardOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(refusedAddress(error, port, host)));
    server.listen(port, host, resolve);
  });
}

function refusedAddress(error: NodeJS.ErrnoException, port: number, host: string): Error {
  if (error.code === 'EADDRINUSE') {
    return new InvalidOptionError('dashboard', 'port', port, `must be free: something listens on it at ${host}`);
  }
  if (error.code === 'EACCES')
    return new InvalidOptionError('dashboard', 'port', port, 'must be permitted to the user');
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new InvalidOptionError('dashboard', 'host', host, 'must be an address of this machine');
  }
  return error;
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}/`;
  return family === 'IPv6' ? `http://[${address}]:${port}/` : `http://${address}:${port}/`;
}

/** As RxJS reports an error that no subscriber handles. */
function reportUnhandled(error: unknown): void {
  const { onUnhandledError } = config;
  if (onUnhandledError) setImmediate(() => onUnhandledError(error));
  else process.emitWarning(error instanceof Error ? error : String(error));
}
