import type { Stage, StageEnd } from '../../batch/monitoring/stage.js';
import type { StageSpan } from '../wire/batchDetail.js';

type Described = Pick<Stage, 'kind' | 'operator' | 'id'>;
type Span = { -readonly [K in keyof StageSpan]: StageSpan[K] };

/** The stages of one batch as they end; the effects of one output on its partitions become one span. */
export class StageSpans {
  readonly #spans = new Map<string, Span>();

  add({ kind, operator, id }: Described, { startTime, endTime, error }: StageEnd): void {
    const key = JSON.stringify([kind, operator, id]);
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
