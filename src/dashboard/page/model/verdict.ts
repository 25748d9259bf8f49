import type { BatchRow } from '../../wire/batchRow.js';
import type { FailureRow } from '../../wire/failureRow.js';
import type { StreamView } from '../../wire/streamView.js';
import { formatCount, formatDuration, formatPercent, formatTime, plural } from './format.js';

/** How a stream does, in one sentence. */
export interface Verdict {
  readonly level: 'good' | 'warning' | 'bad' | 'idle';
  readonly headline: string;
  readonly detail: string;
}

/** Batches over which lag counts as growing. */
const trendBatches = 30;

/** Judges a stream by its status, its latest batches and its latest failure. `rows` are oldest first, `failures` newest first. */
export function verdictOf(
  view: StreamView | undefined,
  rows: readonly BatchRow[],
  failures: readonly FailureRow[],
): Verdict {
  if (!view) return idle('No stream yet', 'Nothing has subscribed to a stream of this board.');
  const { status, since, at } = view;
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
      return bad('Stalled', `No batch has completed since ${formatTime(rows.at(-1)?.time)}${openStage(view)}.`);
    case 'stopping':
      return idle('Stopping', `${plural(view.open.length + view.moreOpen, 'batch is', 'batches are')} being finished.`);
    case 'stopped':
      return idle('Stopped', `Ended at ${formatTime(since)} without an error.`);
    case 'failed':
      return bad(
        'Failed',
        failureText(
          failures.find(({ kind }) => kind === 'failed'),
          at - since,
        ),
      );
  }
}

function runningVerdict(view: StreamView, rows: readonly BatchRow[]): Verdict {
  const complete = rows.filter(({ delays }) => delays !== undefined);
  const last = complete.at(-1);
  if (!last?.delays) return idle('Running', 'No batch is complete yet.');
  const { scheduling, processing, save } = last.delays;
  if (scheduling > last.interval) {
    const waits = `Batches wait ${formatDuration(scheduling)} for earlier ones, longer than the interval of ${formatDuration(last.interval)}.`;
    return warning('Falling behind', waits);
  }
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

function openStage({ open, at }: StreamView): string {
  const oldest = open[0];
  if (!oldest) return '';
  return `: the oldest is in ${oldest.stage === 'waiting' ? 'the queue' : oldest.stage} for ${formatDuration(at - oldest.since)}`;
}

function failureText(failure: FailureRow | undefined, since: number): string {
  const ago = `${formatDuration(since)} ago`;
  if (!failure) return `It ended with an error ${ago}.`;
  const operator = failure.operator === undefined ? '' : ` of ${failure.operator}${idOf(failure.operatorId)}`;
  return `${failure.code} in ${failure.stage}${operator}, ${ago}.`;
}

function idOf(id: string | undefined): string {
  return id === undefined ? '' : ` ${id}`;
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
