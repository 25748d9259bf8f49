import type { BatchDelays, BatchRow } from '../../wire/batchRow.js';
import type { FailureRow } from '../../wire/failureRow.js';
import type { StreamView } from '../../wire/streamView.js';
import { formatCount, formatDuration, formatPercent, formatTime, plural } from './format.js';
import { stageLabel } from './outputLabel.js';

/** How a stream does, in one sentence. */
export interface Verdict {
  readonly level: 'good' | 'warning' | 'bad' | 'idle';
  readonly headline: string;
  readonly detail: string;
}

/** How the page hears of a stream. */
export interface Link {
  /** As the connection says. */
  readonly state: 'online' | 'silent' | 'offline' | 'full' | 'refused';
  /** When the last update arrived, in ms of the reader's clock. */
  readonly heardAt: number | undefined;
}

/** Batches over which lag counts as growing. */
const trendBatches = 30;
/** Batches for which it is said that records were left out of one. */
const lossBatches = 60;

/**
 * Judges a stream by its status, its latest batches and its latest failure, as far as updates arrive by the `link`. `rows` are oldest
 * first, `failures` newest first.
 */
export function verdictOf(
  view: StreamView | undefined,
  rows: readonly BatchRow[],
  failures: readonly FailureRow[],
  link?: Link,
): Verdict {
  const ended = view?.status === 'stopped' || view?.status === 'failed';
  if (link && link.state !== 'online' && !ended) return unknown(link);
  if (!view) return idle('No stream yet', 'Nothing has subscribed to a stream of this board.');
  const { status, since } = view;
  switch (status) {
    case 'connecting':
      if (view.reason !== undefined) return warning('Standing by', `${view.reason}.`);
      return view.attempt > 0
        ? warning(
            'Starting again',
            `Opening checkpoint and sources, after ${plural(view.attempt, 'failure', 'failures')}.`,
          )
        : idle('Connecting', 'Opening checkpoint and sources.');
    case 'recovering': {
      const { done = 0, total = 0 } = view.recovery ?? {};
      return warning(
        'Recovering',
        `${formatCount(done)} of ${plural(total, 'planned batch', 'planned batches')} replayed.`,
      );
    }
    case 'running':
      return runningVerdict(view, rows);
    case 'stalled':
      return bad('Stalled', `${lastComplete(view, rows)}${openStage(view)}.`);
    case 'stopping':
      return idle('Stopping', `${plural(view.open.length + view.moreOpen, 'batch is', 'batches are')} being finished.`);
    case 'stopped':
      return idle('Stopped', `Ended at ${formatTime(since, Date.now())} without an error.`);
    case 'failed':
      return bad(
        'Failed',
        failureText(
          failures.find(({ kind }) => kind === 'failed'),
          // And not how long ago: nothing comes any more that would bring that up to date.
          `at ${formatTime(since, Date.now())}`,
        ) + restartText(view),
      );
  }
}

function unknown({ state, heardAt }: Link): Verdict {
  const last =
    heardAt === undefined
      ? 'Nothing has arrived yet.'
      : `The last update arrived at ${formatTime(heardAt, Date.now())}; what is shown is from then.`;
  return warning(state === 'silent' ? 'No update' : 'Not connected', last);
}

function runningVerdict(view: StreamView, rows: readonly BatchRow[]): Verdict {
  const complete = rows.filter(({ delays }) => delays !== undefined);
  const last = complete.at(-1);
  if (!last?.delays) return idle('Running', 'No batch is complete yet.');
  const loss = lossOf(complete.slice(-lossBatches));
  const trouble = outageOf(view) ?? delayOf(view, last.delays, last.interval);
  if (trouble) return loss ? { ...trouble, detail: `${trouble.detail} ${loss.detail}` } : trouble;
  if (loss) return loss;
  const { processing, save } = last.delays;
  const before = complete.at(-Math.min(trendBatches, complete.length));
  const lag = view.total.lag;
  if (last.rate.limit !== undefined && before !== undefined && last.lag > before.lag && last.lag > last.records) {
    const waiting = `${plural(lag, 'record waits', 'records wait')} in the source, and more arrive than the outputs can take.`;
    return warning('Limiting the input', waiting);
  }
  const load = (processing + save) / last.interval;
  return {
    level: 'good',
    headline: 'Keeping up',
    detail: `The last batch took ${formatDuration(processing + save)}, ${formatPercent(load)} of its interval.`,
  };
}

/** What was left out of these batches. */
function lossOf(rows: readonly BatchRow[]): Verdict | undefined {
  const sum = (what: 'lost' | 'deadLettered' | 'skipped') => rows.reduce((total, row) => total + row[what], 0);
  const [lost, dead, skipped] = [sum('lost'), sum('deadLettered'), sum('skipped')];
  const when = `in the last ${rows.length === 1 ? 'batch' : `${rows.length} batches`}.`;
  const records = (number: number) => plural(number, 'record was', 'records were');
  if (lost > 0) {
    const offsets = plural(lost, 'offset was', 'offsets were');
    return warning('Records lost', `${offsets} gone from the log before it was read, ${when}`);
  }
  if (dead > 0) return warning('Dead letters', `${records(dead)} handed to dead letters ${when}`);
  return skipped > 0 ? warning('Records skipped', `${records(skipped)} skipped ${when}`) : undefined;
}

/** How long batches wait, where that is longer than their interval. */
function delayOf({ open, at }: StreamView, { scheduling }: BatchDelays, interval: number): Verdict | undefined {
  // A batch that takes long shows in those that wait behind it long before it is complete.
  const next = open.find(({ stage }) => stage === 'waiting');
  const longest = Math.max(scheduling, next ? at - next.since : 0);
  if (longest <= interval) return undefined;
  const waits = `Batches wait ${formatDuration(longest)} for earlier ones, longer than the interval of ${formatDuration(interval)}.`;
  return warning('Falling behind', waits);
}

/** What cannot be read now. */
function outageOf({ inputs, at }: StreamView): Verdict | undefined {
  for (const { unavailable, receiver } of inputs) {
    if (unavailable) {
      const { count, since } = unavailable;
      const many = plural(count, 'partition', 'partitions');
      return warning('Partitions unavailable', `${many} cannot be read, for ${formatDuration(at - since)} now.`);
    }
    const down = receiver?.receivers.filter(({ state }) => state === 'waiting' || state === 'failed') ?? [];
    const [first] = down;
    if (!first) continue;
    const many = `${formatCount(down.length)} of ${plural(receiver?.receivers.length ?? 0, 'receiver', 'receivers')}`;
    const why = first.code === undefined ? '' : `: ${first.code}`;
    return warning('Receiver down', `${many} does not receive, for ${formatDuration(at - first.since)} now${why}.`);
  }
  return undefined;
}

function lastComplete({ at }: StreamView, rows: readonly BatchRow[]): string {
  const last = rows.findLast(({ delays }) => delays !== undefined);
  return last ? `No batch has completed since that of ${formatTime(last.time, at)}` : 'No batch has completed';
}

function openStage({ open, at }: StreamView): string {
  const oldest = open[0];
  if (!oldest) return '';
  const { stage, effects, since } = oldest;
  return `: the oldest has been in ${stage === 'waiting' ? 'the queue' : stageLabel(stage, effects)} for ${formatDuration(at - since)}`;
}

function restartText({ restart }: StreamView): string {
  if (!restart) return '';
  const when = formatTime(restart.at, Date.now());
  return ` It starts again by itself at ${when}, restart ${formatCount(restart.attempt)} without a complete batch.`;
}

function failureText(failure: FailureRow | undefined, when: string): string {
  if (!failure) return `It ended with an error ${when}.`;
  const { code, stage = '', operator, operatorId: id } = failure;
  return `${code} in ${stageLabel(stage, operator === undefined ? [] : [{ operator, id, count: 1 }])}, ${when}.`;
}

function idle(headline: string, detail: string): Verdict {
  return { level: 'idle', headline, detail };
}

function warning(headline: string, detail: string): Verdict {
  return { level: 'warning', headline, detail };
}

function bad(headline: string, detail: string): Verdict {
  return { level: 'bad', headline, detail };
}
