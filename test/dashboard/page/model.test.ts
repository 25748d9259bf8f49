import { describe, expect, it } from 'vitest';
import { histogram, quantile } from '../../../src/dashboard/page/model/distribution.js';
import {
  formatBatchTime,
  formatBytes,
  formatCount,
  formatDuration,
  formatEventTime,
  formatPercent,
  formatRate,
  formatShortDuration,
  formatTime,
} from '../../../src/dashboard/page/model/format.js';
import { History } from '../../../src/dashboard/page/model/history.js';
import { ruleCounts, ruleStrip } from '../../../src/dashboard/page/model/rules.js';
import {
  chartTop,
  inputColumns,
  inReach,
  processingColumns,
  schedulingColumns,
  totalColumns,
} from '../../../src/dashboard/page/model/series.js';
import {
  inputSummary,
  lagSummary,
  processingSummary,
  rateSummary,
  schedulingSummary,
  totalSummary,
} from '../../../src/dashboard/page/model/summaries.js';
import { timelineOf } from '../../../src/dashboard/page/model/timeline.js';
import { type Link, verdictOf } from '../../../src/dashboard/page/model/verdict.js';
import type { BatchDelays, BatchRow } from '../../../src/dashboard/wire/batchRow.js';
import { keptBatches } from '../../../src/dashboard/wire/boardUpdate.js';
import type { FailureRow } from '../../../src/dashboard/wire/failureRow.js';
import type { StreamView } from '../../../src/dashboard/wire/streamView.js';

const delays: BatchDelays = { scheduling: 0, processing: 60, total: 60, fetch: 10, dispatch: 20, effect: 30, save: 5 };

function row(time: number, more: Partial<BatchRow> = {}): BatchRow {
  return {
    id: `run.${time / 1_000}`,
    time,
    interval: 1_000,
    attempt: 0,
    result: 'completed',
    records: 100,
    bytes: undefined,
    skipped: 0,
    lost: 0,
    deadLettered: 0,
    lag: 0,
    rate: { limit: undefined, controller: undefined, rule: undefined, warnings: [] },
    delays,
    ...more,
  };
}

const failedRow = row(3_000, { result: 'failed', stage: 'effect', delays: undefined });

const ruled = (time: number, rule: BatchRow['rate']['rule']) =>
  row(time, { rate: { limit: 500, controller: 'costModel', rule, warnings: [] } });

const failure: FailureRow = {
  id: 'run.9',
  at: 9_000,
  kind: 'failed',
  time: 9_000,
  code: 'STORAGE',
  stage: 'effect',
  operator: 'foreachBatch',
  operatorId: 'out',
  topic: undefined,
  partition: undefined,
  offset: undefined,
  records: undefined,
  attempt: 1,
  message: undefined,
};

const view: StreamView = {
  name: 'letters',
  at: 10_000,
  status: 'running',
  since: 0,
  recovery: undefined,
  attempt: 0,
  interval: 1_000,
  lastBatch: 9_000,
  waiting: 0,
  open: [],
  moreOpen: 0,
  total: { count: 2, lag: 0, behind: 0, bufferedBytes: 0 },
  inputs: [],
  partitions: [],
  otherPartitions: undefined,
  eventTime: undefined,
  restart: undefined,
  state: [],
  checkpoint: undefined,
};

const input: StreamView['inputs'][number] = {
  name: 'log',
  kind: 'logBatches',
  partitions: 2,
  unavailable: undefined,
  lag: 0,
  bufferedBytes: 0,
  rate: undefined,
  decision: undefined,
  receiver: undefined,
};

const receiver = { since: 7_000, restarts: 1, code: undefined };
const received: NonNullable<typeof input.receiver> = {
  queuedRecords: 0,
  queuedBytes: 0,
  queuedBlocks: 0,
  unstoredRecords: 0,
  diskBytes: 0,
  receivers: [
    { ...receiver, index: 0, state: 'running' },
    { ...receiver, index: 1, state: 'waiting', code: 'RECEIVER' },
  ],
};

describe('formats', () => {
  it.each([
    [0, '0 ms'],
    [8.254, '8.25 ms'],
    [340, '340 ms'],
    [999.6, '1 s'],
    [59_700, '1 min'],
    [1_000, '1 s'],
    [1_240, '1.2 s'],
    [12_400, '12 s'],
    [200_000, '3 min 20 s'],
    [180_000, '3 min'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
    [-1_500, '−1.5 s'],
    [undefined, '–'],
    [Number.NaN, '–'],
  ])('write %s ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('write times of batches to the millisecond where that is needed', () => {
    expect([formatBatchTime(5_000), formatBatchTime(5_050)]).toEqual([
      expect.stringMatching(/^\d\d:\d\d:05$/),
      expect.stringMatching(/^\d\d:\d\d:05\.050$/),
    ]);
  });

  it('write the day with a time that is not of today', () => {
    const now = Date.UTC(2026, 10, 29, 12);
    expect(formatTime(now - 1_000, now)).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(formatTime(now - 86_400_000, now)).toMatch(/^Nov 28, \d\d:\d\d:\d\d$/);
    expect(formatTime(undefined, now)).toBe('–');
  });

  it('write durations on axes in one short unit', () => {
    expect([340, 1_200, 160_000, 440_000, 12_600_000].map(formatShortDuration)).toEqual([
      '340 ms',
      '1.2 s',
      '2.7 min',
      '7.3 min',
      '3.5 h',
    ]);
  });

  it('write counts, rates, bytes and parts', () => {
    expect([formatCount(12_400), formatRate(9_200.4), formatPercent(0.337)]).toEqual(['12,400', '9,200/s', '34 %']);
    expect([formatBytes(512), formatBytes(4_300), formatBytes(325_058_560)]).toEqual(['512 B', '4.2 KiB', '310 MiB']);
    expect([formatCount(undefined), formatRate(undefined), formatBytes(undefined), formatPercent(Infinity)]).toEqual([
      '–',
      '–',
      '–',
      '–',
    ]);
  });
});

describe('event times', () => {
  it('are written with their days, by UTC', () => {
    expect(formatEventTime(1_420_093_800_000)).toBe('2015-01-01 06:30:00');
    expect(formatEventTime(30_000)).toBe('1970-01-01 00:00:30');
    expect(formatEventTime(undefined)).toBe('–');
    expect(formatEventTime(9e15)).toBe('9,000,000,000,000,000');
  });
});

describe('the history', () => {
  it('has each row once, by batch time, whichever run of the server sent it', () => {
    const history = new History();
    history.add([row(1_000), row(2_000)], []);
    history.add([{ ...row(2_000), id: 'other.1' }, row(4_000), row(3_000)], []);
    expect(history.rows.map(({ id, time }) => [id, time])).toEqual([
      ['run.1', 1_000],
      ['run.2', 2_000],
      ['run.3', 3_000],
      ['run.4', 4_000],
    ]);
  });

  it('has a batch that failed and the one that replaced it', () => {
    const history = new History();
    history.add([failedRow, row(3_000, { attempt: 1 })], []);
    expect(history.rows.map(({ result }) => result)).toEqual(['failed', 'completed']);
  });

  it('is the same object while nothing is new, so that nothing is drawn', () => {
    const history = new History();
    history.add([row(1_000)], [failure]);
    const { rows, failures } = history;
    history.add([row(1_000)], [failure]);
    expect([history.rows === rows, history.failures === failures]).toEqual([true, true]);
  });

  it('forgets the oldest rows, and takes one again that it has forgotten', () => {
    const history = new History();
    history.add(
      Array.from({ length: keptBatches + 10 }, (_, i) => row(1_000 * (i + 1))),
      [],
    );
    expect([history.rows.length, history.rows[0]?.time]).toEqual([keptBatches, 11_000]);
    history.add([row(10_000)], []);
    expect(history.rows[0]?.time).toBe(11_000);
  });

  it('has failures newest first', () => {
    const history = new History();
    history.add([], [failure, { ...failure, at: 9_500, id: 'run.10' }]);
    expect(history.failures.map(({ at }) => at)).toEqual([9_500, 9_000]);
  });
});

describe('series', () => {
  const rows = [row(1_000), failedRow, row(4_000, { interval: 500 })];

  it('stack the parts of processing', () => {
    expect(processingColumns(rows)).toEqual([
      [1, 3, 4],
      [10, null, 10],
      [30, null, 30],
      [60, null, 60],
      [65, null, 65],
      [1_000, 1_000, 500],
    ]);
  });

  it('have a gap where a batch did not complete', () => {
    expect(inputColumns(rows)).toEqual([
      [1, 3, 4],
      [100, null, 200],
      [null, null, null],
    ]);
    expect(schedulingColumns(rows)[1]).toEqual([0, null, 0]);
    expect(totalColumns(rows)[1]).toEqual([60, null, 60]);
  });
});

describe('the top of a chart', () => {
  it('has room above the largest value, and above a limit only where that is near', () => {
    expect(
      chartTop(
        [
          [1, 2],
          [100, null],
          [150, 120],
        ],
        1,
      ),
    ).toBeCloseTo(168);
    expect(
      chartTop(
        [
          [1, 2],
          [100, null],
          [9_000, 9_000],
        ],
        1,
      ),
    ).toBeCloseTo(112);
    expect(
      chartTop([
        [1, 2],
        [100, null],
        [9_000, 9_000],
      ]),
    ).toBeCloseTo(10_080);
    expect([chartTop([[]]), chartTop([[1], [0]]), chartTop([[1], [null], [500]], 1)]).toEqual([1, 1, 560]);
  });

  it('are drawn just above the top where they lie far above it', () => {
    const columns = [
      [1, 2, 3],
      [10, null, 0],
      [900_000, 19, null],
    ] as const;
    expect(inReach(columns, 10)).toEqual([
      [1, 2, 3],
      [10, null, 0],
      [20, 19, null],
    ]);
  });
});

describe('a distribution', () => {
  it('has bins of a round width that hold every value', () => {
    const bins = histogram([0, 3, 12, 19, 20, 71], 8);
    expect(bins.map(({ from, until, count }) => [from, until, count])).toEqual([
      [0, 20, 4],
      [20, 40, 1],
      [40, 60, 0],
      [60, 80, 1],
    ]);
    expect(histogram([], 8)).toEqual([]);
    expect(histogram([0, 0], 8).map(({ count }) => count)).toEqual([2]);
    for (const max of [1, 7, 99, 1_000, 12_345]) expect(histogram([max], 8).length).toBeLessThanOrEqual(8);
  });

  it('has quantiles that are values of it', () => {
    expect([quantile([3, 1, 2, 4], 0.5), quantile([3, 1, 2, 4], 0.95), quantile([5], 0.5), quantile([], 0.5)]).toEqual([
      3,
      4,
      5,
      undefined,
    ]);
  });
});

describe('rules', () => {
  const rows = [
    ruled(1_000, 'initial'),
    ruled(2_000, 'model'),
    ruled(3_000, 'model'),
    ruled(4_000, 'queue'),
    row(5_000),
  ];

  it('are joined while they stay the same', () => {
    expect(ruleStrip(rows)).toEqual([
      { rule: 'initial', batches: 1, from: 1_000, until: 1_000 },
      { rule: 'model', batches: 2, from: 2_000, until: 3_000 },
      { rule: 'queue', batches: 1, from: 4_000, until: 4_000 },
      { rule: 'none', batches: 1, from: 5_000, until: 5_000 },
    ]);
  });

  it('are counted, the most frequent first', () => {
    expect(ruleCounts(rows)[0]).toEqual(['model', 2]);
    expect(rateSummary(rows)).toBe('The rule was model for 2 batches, initial for 1 batch, queue for 1 batch.');
    expect(rateSummary([row(1_000)])).toBe('No rate controller explains its rates.');
  });
});

describe('the timeline of a batch', () => {
  it('begins with waiting, and has each stage at its place', () => {
    const stage = { operator: undefined, id: undefined, count: 1, failed: false };
    const lanes = timelineOf(1_000, [
      { ...stage, kind: 'dispatch', start: 1_050, end: 1_060 },
      { kind: 'effect', operator: 'foreachPartition', id: 'out', count: 4, start: 1_060, end: 1_200, failed: true },
    ]);
    expect(lanes.map(({ label, offset, width, duration, failed }) => [label, offset, width, duration, failed])).toEqual(
      [
        ['waiting', 0, 0.25, 50, false],
        ['dispatch', 0.25, 0.05, 10, false],
        ['foreachPartition out (4)', 0.3, 0.7, 140, true],
      ],
    );
    expect(timelineOf(1_000, [])).toEqual([]);
  });
});

describe('the verdict', () => {
  const judge = (
    more: Partial<StreamView> | undefined,
    rows: readonly BatchRow[] = [],
    failures: readonly FailureRow[] = [],
  ) => {
    const { level, headline, detail } = verdictOf(more && { ...view, ...more }, rows, failures);
    return `${level}: ${headline}. ${detail}`;
  };
  const hanging: StreamView['open'][number] = {
    time: 9_000,
    records: 5,
    stage: 'effect',
    since: 4_000,
    effects: [
      { operator: 'foreachPartition', id: 'rows', count: 3 },
      { operator: 'foreachBatch', id: undefined, count: 1 },
    ],
  };
  const late = row(9_000, { delays: { ...delays, scheduling: 4_200, total: 4_260 } });

  it.each([
    [judge(undefined), 'idle: No stream yet. Nothing has subscribed to a stream of this board.'],
    [judge({ status: 'connecting' }), 'idle: Connecting. Opening checkpoint and sources.'],
    [
      judge({ status: 'connecting', attempt: 2 }),
      'warning: Starting again. Opening checkpoint and sources, after 2 failures.',
    ],
    [
      judge({ status: 'recovering', recovery: { done: 3, total: 10 } }),
      'warning: Recovering. 3 of 10 planned batches replayed.',
    ],
    [judge({}), 'idle: Running. No batch is complete yet.'],
    [judge({}, [row(9_000)]), 'good: Keeping up. The last batch took 65 ms, 7 % of its interval.'],
    [
      judge({}, [late]),
      'warning: Falling behind. Batches wait 4.2 s for earlier ones, longer than the interval of 1 s.',
    ],
    [
      judge({ open: [{ time: 8_000, records: 5, stage: 'waiting', since: 7_000, effects: [] }] }, [row(7_000)]),
      'warning: Falling behind. Batches wait 3 s for earlier ones, longer than the interval of 1 s.',
    ],
    [
      judge({ status: 'stopped', since: Date.now() }),
      expect.stringMatching(/^idle: Stopped\. Ended at \d\d:\d\d:\d\d without an error\.$/),
    ],
    [
      judge({ status: 'failed', since: Date.now() }, [], [failure]),
      expect.stringMatching(/^bad: Failed\. STORAGE in effect of foreachBatch out, at \d\d:\d\d:\d\d\.$/),
    ],
    [
      judge({ status: 'failed', since: Date.now(), restart: { at: Date.now() + 5_000, attempt: 2 } }, [], [failure]),
      expect.stringMatching(
        /^bad: Failed\. STORAGE in .*\. It starts again by itself at .*\d\d:\d\d:\d\d, restart 2 without a complete batch\.$/,
      ),
    ],
    [
      judge({ status: 'failed', since: Date.now() - 86_400_000 }),
      expect.stringMatching(/^bad: Failed\. It ended with an error at \w{3} \d+, \d\d:\d\d:\d\d\.$/),
    ],
    [
      judge({ status: 'stalled', open: [hanging] }, [row(3_000)]),
      expect.stringMatching(
        /^bad: Stalled\. No batch has completed since that of \d\d:\d\d:\d\d: the oldest has been in effect of foreachPartition rows \(3\), foreachBatch for 6 s\.$/,
      ),
    ],
    [
      judge({ status: 'stalled', open: [{ ...hanging, stage: 'save', effects: [] }] }),
      'bad: Stalled. No batch has completed: the oldest has been in save for 6 s.',
    ],
    [judge({ status: 'stalled' }, [failedRow]), 'bad: Stalled. No batch has completed.'],
    [
      judge({}, [row(8_000, { lost: 5 }), row(9_000)]),
      'warning: Records lost. 5 offsets were gone from the log before it was read, in the last 2 batches.',
    ],
    [
      judge({}, [row(7_000, { deadLettered: 2 }), row(8_000, { deadLettered: 1, skipped: 4 }), row(9_000)]),
      'warning: Dead letters. 3 records were handed to dead letters in the last 3 batches.',
    ],
    [
      judge({}, [row(8_000, { skipped: 1 }), row(9_000)]),
      'warning: Records skipped. 1 record was skipped in the last 2 batches.',
    ],
    [
      judge({}, [row(8_000, { lost: 1 }), late]),
      'warning: Falling behind. Batches wait 4.2 s for earlier ones, longer than the interval of 1 s. ' +
        '1 offset was gone from the log before it was read, in the last 2 batches.',
    ],
    [
      judge({ inputs: [{ ...input, unavailable: { count: 2, since: 4_000 } }] }, [row(8_000, { deadLettered: 1 })]),
      'warning: Partitions unavailable. 2 partitions cannot be read, for 6 s now. ' +
        '1 record was handed to dead letters in the last batch.',
    ],
    [
      judge({ inputs: [{ ...input, unavailable: { count: 2, since: 4_000 } }] }, [row(9_000)]),
      'warning: Partitions unavailable. 2 partitions cannot be read, for 6 s now.',
    ],
    [
      judge({ inputs: [{ ...input, receiver: received }] }, [row(9_000)]),
      'warning: Receiver down. 1 of 2 receivers does not receive, for 3 s now: RECEIVER.',
    ],
    [judge({ status: 'stopping', moreOpen: 1 }), 'idle: Stopping. 1 batch is being finished.'],
  ])('%s', (said, expected) => {
    expect(said).toEqual(expected);
  });

  it('is that nothing is known where no updates arrive, unless the stream has ended', () => {
    const without = (
      state: Link['state'],
      more: Partial<StreamView> = {},
      heardAt: number | undefined = Date.now(),
    ) => {
      const { level, headline, detail } = verdictOf({ ...view, ...more }, [row(9_000)], [], { state, heardAt });
      return `${level}: ${headline}. ${detail}`;
    };
    const heard = String.raw`The last update arrived at \d\d:\d\d:\d\d; what is shown is from then\.$`;
    expect(without('online')).toMatch(/^good/);
    for (const state of ['offline', 'full'] as const) {
      expect(without(state)).toMatch(new RegExp(`^warning: Not connected\\. ${heard}`));
    }
    expect(without('silent')).toMatch(new RegExp(`^warning: No update\\. ${heard}`));
    expect(without('offline', { status: 'stalled' })).toMatch(/^warning: Not connected/);
    // A process may end after its stream: what ended it is known, and stays so.
    expect(without('offline', { status: 'stopped' })).toMatch(/^idle: Stopped/);
    expect(without('offline', { status: 'failed' })).toMatch(/^bad: Failed/);
    expect(verdictOf(undefined, [], [], { state: 'offline', heardAt: undefined })).toEqual({
      level: 'warning',
      headline: 'Not connected',
      detail: 'Nothing has arrived yet.',
    });
  });

  it.each(['lost', 'deadLettered', 'skipped'] as const)('forgets what was %s sixty batches ago', (what) => {
    const rows = [row(1_000, { [what]: 1 }), ...Array.from({ length: 60 }, (_, i) => row(1_000 * (i + 2)))];
    expect(judge({}, rows.slice(0, -1))).toMatch(/^warning: .* in the last 60 batches\.$/);
    expect(judge({}, rows)).toMatch(/^good/);
  });

  it('tells a limited input from one that keeps up', () => {
    const limited = (time: number, lag: number) => ({ ...ruled(time, 'model'), lag });
    const total = { ...view.total, lag: 5_000 };
    expect(judge({ total }, [limited(1_000, 100), limited(2_000, 5_000)])).toBe(
      'warning: Limiting the input. 5,000 records wait in the source, and more arrive than the outputs can take.',
    );
    expect(judge({ total }, [limited(1_000, 6_000), limited(2_000, 5_000)])).toMatch(/^good/);
  });
});

describe('summaries', () => {
  const rows = [row(1_000, { records: 300 }), row(2_000), failedRow];

  it('say in one sentence what each chart shows', () => {
    expect(inputSummary(rows)).toBe('100/s in the last batch, under no limit; at most 300/s in 2 batches.');
    expect(processingSummary(rows)).toBe('65 ms for the last batch, 7 % of the interval, most of it effect (30 ms).');
    expect(schedulingSummary(rows)).toBe(
      'The last batch waited 0 ms; none of 2 batches waited longer than the interval.',
    );
    expect(totalSummary(rows)).toBe('Half of 2 batches took up to 60 ms, 95 % up to 60 ms.');
    for (const summary of [inputSummary, processingSummary, schedulingSummary, totalSummary]) {
      expect(summary([])).toBe('No batch is complete yet.');
    }
  });

  it('say where the lag is', () => {
    const partition = {
      source: 'log',
      topic: 'orders',
      partition: 3,
      planned: 0,
      committed: 0,
      end: 9_000,
      lag: 9_000,
      behind: 8_000,
      bufferedBytes: 0,
    };
    const total = { count: 2, lag: 12_400, behind: 8_000, bufferedBytes: 0 };
    expect(lagSummary({ ...view, total, partitions: [partition] })).toBe(
      '12,400 records wait in 2 partitions, up to 8 s behind; most in orders/3 (9,000).',
    );
    expect(lagSummary(view)).toBe('Nothing waits in 2 partitions.');
  });
});
