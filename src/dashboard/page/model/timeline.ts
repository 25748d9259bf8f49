import type { StageSpan } from '../../wire/batchDetail.js';
import { outputLabel } from './outputLabel.js';

/** A stage on the time axis of its batch. */
export interface Lane {
  readonly label: string;
  readonly kind: StageSpan['kind'] | 'waiting';
  /** Where it begins and how long it is, as parts of the whole. */
  readonly offset: number;
  readonly width: number;
  /** In ms. */
  readonly duration: number;
  readonly failed: boolean;
}

/** The stages of a batch from its plan to its end; the time before the first one is that of waiting. */
export function timelineOf(submitted: number, stages: readonly StageSpan[]): readonly Lane[] {
  const first = stages.reduce((min, { start }) => Math.min(min, start), Number.POSITIVE_INFINITY);
  const end = stages.reduce((max, { end }) => Math.max(max, end), submitted);
  const whole = Math.max(end - submitted, 1);
  const lane = (kind: Lane['kind'], label: string, start: number, until: number, failed: boolean): Lane => ({
    label,
    kind,
    offset: (start - submitted) / whole,
    width: (until - start) / whole,
    duration: until - start,
    failed,
  });
  const lanes = stages.map((stage) =>
    lane(stage.kind, outputLabel(stage, stage.kind), stage.start, stage.end, stage.failed),
  );
  return first > submitted && Number.isFinite(first)
    ? [lane('waiting', 'waiting', submitted, first, false), ...lanes]
    : lanes;
}
