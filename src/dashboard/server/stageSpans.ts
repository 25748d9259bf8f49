import type { Stage, StageEnd } from '../../batch/monitoring/stage.js';
import type { StageSpan } from '../wire/batchDetail.js';
import type { RunningEffects } from '../wire/streamView.js';

type Described = Pick<Stage, 'kind' | 'operator' | 'id'>;
type Span = { -readonly [K in keyof StageSpan]: StageSpan[K] };

/** Outputs that are named in an open batch. */
const maxRunning = 3;

/** The stages of one batch; the effects of one output on its partitions become one span. */
export class StageSpans {
  readonly #spans = new Map<string, Span>();
  readonly #running = new Map<string, RunningEffects>();

  /** Follows a stage that begins until it ends. */
  watch(stage: Stage): void {
    const { kind, operator, id } = stage;
    const key = JSON.stringify([kind, operator, id]);
    const add = (change: number) => {
      const count = (this.#running.get(key)?.count ?? 0) + change;
      if (count > 0) this.#running.set(key, { operator, id, count });
      else this.#running.delete(key);
    };
    if (kind === 'effect') add(1);
    stage.onEnd((end) => {
      if (kind === 'effect') add(-1);
      this.#add(key, stage, end);
    });
  }

  /** Effects that have begun and not ended, of the outputs whose first one began first. */
  running(): readonly RunningEffects[] {
    return [...this.#running.values()].slice(0, maxRunning);
  }

  #add(key: string, { kind, operator, id }: Described, { startTime, endTime, error }: StageEnd): void {
    const failed = error !== undefined;
    const span = this.#spans.get(key);
    if (!span) {
      this.#spans.set(key, { kind, operator, id, count: 1, start: startTime, end: endTime, failed });
      return;
    }
    span.count++;
    span.start = Math.min(span.start, startTime);
    span.end = Math.max(span.end, endTime);
    span.failed ||= failed;
  }

  /** In the order in which they began; effects begin within the dispatch, which ends after a synchronous one. */
  all(): readonly StageSpan[] {
    const rank = ({ kind }: StageSpan) => (kind === 'dispatch' ? 0 : 1);
    return [...this.#spans.values()].sort((a, b) => a.start - b.start || rank(a) - rank(b));
  }
}
