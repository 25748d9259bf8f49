import type { BatchDetail, RangeRow, StageSpan } from '../../wire/batchDetail.js';
import { formatBytes, formatCount, formatDuration, formatRate } from '../model/format.js';
import { timelineOf } from '../model/timeline.js';
import { element } from './element.js';
import { Facts } from './facts.js';
import { emptyNote, rowHeading, tableHead } from './panel.js';

/** What opens under a batch: its stages on one time axis, its numbers, and its ranges. */
export function batchDetailElement({ row, submitted, stages, ranges }: BatchDetail): HTMLElement {
  const facts = new Facts();
  facts.set([
    ['Result', row.stage ? `${row.result} in ${row.stage}` : row.result],
    ['Bytes', formatBytes(row.bytes)],
    ['Fetch', formatDuration(row.delays?.fetch)],
    ['Dispatch', formatDuration(row.delays?.dispatch)],
    ['Effects', formatDuration(row.delays?.effect)],
    ['Save', formatDuration(row.delays?.save)],
    ['Limit', formatRate(row.rate.limit)],
    ['Rule', row.rate.rule ?? '–'],
    ['Skipped', formatCount(row.skipped)],
    ['Lost', formatCount(row.lost)],
    ['Dead letters', formatCount(row.deadLettered)],
  ]);
  const moved = ranges.filter(({ from, until }) => until > from);
  return element(
    'div',
    { class: 'opened' },
    stagesElement(submitted, stages),
    facts.root,
    rangesElement(moved, ranges.length - moved.length),
  );
}

function stagesElement(submitted: number, stages: readonly StageSpan[]): HTMLElement {
  const lanes = timelineOf(submitted, stages).map(({ label, kind, offset, width, duration, failed }) => {
    const bar = element('i', { class: `${failed ? 'failed' : kind}` });
    bar.style.marginLeft = `${100 * offset}%`;
    bar.style.width = `${100 * width}%`;
    return element(
      'tr',
      {},
      rowHeading(label),
      element('td', { class: 'lane', attrs: { 'aria-hidden': 'true' } }, bar),
      element('td', { class: 'number', text: `${formatDuration(duration)}${failed ? ', failed' : ''}` }),
    );
  });
  return element('table', { class: 'stages' }, tableHead('Stage', '', '#Time'), element('tbody', {}, ...lanes));
}

function rangesElement(ranges: readonly RangeRow[], unmoved: number): HTMLElement {
  const rows = ranges.map(({ topic, partition, from, until, lag, behind }) =>
    element(
      'tr',
      {},
      rowHeading(`${topic}/${partition}`),
      ...[
        formatCount(from),
        formatCount(until),
        formatCount(until - from),
        formatCount(lag),
        formatDuration(behind),
      ].map((text) => element('td', { class: 'number', text })),
    ),
  );
  const note = unmoved > 0 ? emptyNote(`${unmoved} partitions had no records for it.`) : undefined;
  if (rows.length === 0) return element('div', {}, emptyNote('No partition had records for it.'));
  const head = tableHead('Range', '#From', '#Until', '#Offsets', '#Lag', '#Behind');
  return element('div', { class: 'ranges' }, element('table', {}, head, element('tbody', {}, ...rows)), note);
}
