import {
  type Aggregator,
  type Batch,
  memoryCheckpoint,
  type Pair,
  type Session,
  type SessionWindowOptions,
  sessionWindow,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import type { Observable, OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { attempt } from './attempt.js';
import { feed, type TimedRecords } from './feed.js';
import { standingCases } from './standing.js';

type Click = Pair<string, string>;
type Sessions = Pair<string, Session<readonly string[]>>;

const concat: Aggregator<string, string, string> = {
  name: 'concat',
  identity: '',
  lift: (value) => value,
  combine: (older, newer) => `${older}${newer}`,
  lower: (partial) => `<${partial}>`,
};

standingCases('sessionWindow', {
  records: [
    ['a', 'x'],
    ['a', 'y'],
  ] as Click[],
  make: () => sessionWindow<string, string>({ gap: 1 }),
});
standingCases('sessionWindow with an aggregator', {
  records: [
    ['a', 'x'],
    ['a', 'y'],
  ] as Click[],
  make: () => sessionWindow<string, string, string, string>({ gap: 1, aggregator: concat }),
  throwing: (boom) => sessionWindow<string, string, string, string>({ gap: 1, aggregator: { ...concat, lift: boom } }),
});

/** One letter a record: `ab` is a record of key a and one of key b. Values are numbered, so that their order shows. */
const clicks = (texts: readonly string[]): readonly TimedRecords<Click>[] => {
  let i = 0;
  return texts.map((text, time) => [time + 1, [...text].map((letter): Click => [letter, `${letter}${++i}`])]);
};

/** What comes out, as text: time, key, start-end, values. */
const shown = (results: readonly TimedRecords<Sessions>[]) =>
  results.flatMap(([time, sessions]) =>
    sessions.map(([key, { start, end, value }]) => `${time}: ${key} ${start}-${end} ${value.join(' ')}`),
  );

const sessions = (options: SessionWindowOptions) => () => sessionWindow<string, string>({ id: 's', ...options });

describe('sessionWindow', () => {
  it('passes a session on with the first batch at which its gap has passed', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<Click>(' -ab-c|', { a: [['k', 'x']], b: [['k', 'y']], c: [] });
      const subs = '                  ^----!';
      const expected = '              -lm-n|';
      const result = source.pipe(sessionWindow({ gap: 2 }));
      expectBatches(result).toBe(expected, { l: [], m: [], n: [['k', { start: 1, end: 2, value: ['x', 'y'] }]] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('drops the sessions that are open when the source ends', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<Click>(' -a-|', { a: [['k', 'x']] });
      const subs = '                  ^--!';
      const expected = '              -l-|';
      const result = source.pipe(sessionWindow({ gap: 2 }));
      expectBatches(result).toBe(expected, { l: [] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('ends a session when the gap has passed without a record of its key', () => {
    const given = clicks(['ab', 'a', '', 'a', '', 'b', '', '']);
    expect(shown(feed(given, sessions({ gap: 2 })))).toEqual(['3: b 1-1 b2', '6: a 1-4 a1 a3 a4', '8: b 6-6 b5']);
  });

  it('goes on with a session whose gap is just reached, and not with one beyond', () => {
    expect(shown(feed(clicks(['a', '', '', 'a', '', '', '']), sessions({ gap: 3 })))).toEqual(['7: a 1-4 a1 a2']);
    const jumping: TimedRecords<Click>[] = [
      [1, [['a', 'x']]],
      [5, [['a', 'y']]],
      [9, []],
    ];
    expect(shown(feed(jumping, sessions({ gap: 3 })))).toEqual(['5: a 1-1 x', '9: a 5-5 y']);
  });

  it('gives the sessions that end with one batch in the order of their starts, then of their keys', () => {
    const given = clicks(['c', 'dba', 'c', '', '', '']);
    expect(shown(feed(given, sessions({ gap: 4 })))).toEqual(['6: a 2-2 a4', '6: b 2-2 b3', '6: d 2-2 d2']);
    const keys = [null, 'null', 2, '2', 10].map((key) => [key, ''] as Pair<string | number | null, string>);
    const results = feed(
      [
        [1, keys],
        [2, []],
      ],
      () => sessionWindow<string | number | null, string>({ gap: 1, id: 's' }),
    );
    expect(results[1]?.[1].map(([key]) => key)).toEqual([10, 2, '2', null, 'null']);
  });

  it('ends a session that lasts too long, and begins another', () => {
    const given = clicks(['a', 'a', 'a', 'a', 'a', '', '']);
    expect(shown(feed(given, sessions({ gap: 2, maxDuration: 2 })))).toEqual(['3: a 1-3 a1 a2 a3', '7: a 4-5 a4 a5']);
  });

  it('gives what an aggregator makes of a session, values in their order', () => {
    const make = () => sessionWindow<string, string, string, string>({ gap: 1, aggregator: concat, id: 's' });
    const results = feed(clicks(['ab', 'aa', '', '']), make);
    expect(results).toEqual([
      [1, []],
      [2, [['b', { start: 1, end: 1, value: '<b2>' }]]],
      [3, [['a', { start: 1, end: 2, value: '<a1a3a4>' }]]],
      [4, []],
    ]);
  });

  it('equals splitting the whole history at its gaps, also after jumps and restarts', () => {
    const steps = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 3 }), fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 })),
      { maxLength: 16 },
    );
    const gaps = fc.integer({ min: 1, max: 5 });
    const durations = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 6 }));
    fc.assert(
      fc.property(steps, gaps, durations, fc.boolean(), (drawn, gap, maxDuration, aggregated) => {
        let time = 0;
        let i = 0;
        const batches = drawn.map(([step, keys]): TimedRecords<Click> => {
          time += step;
          return [time, keys.map((key): Click => [key, `${i++};`])];
        });
        const make = (): OperatorFunction<Batch<Click>, Batch<Pair<string, Session<unknown>>>> =>
          aggregated
            ? sessionWindow<string, string, string, string>({ gap, maxDuration, aggregator: concat, id: 's' })
            : sessionWindow<string, string>({ gap, maxDuration, id: 's' });
        const expected = recompute(batches, gap, maxDuration).map(([at, ended]) => [
          at,
          aggregated ? ended.map(([key, s]) => [key, { ...s, value: `<${s.value.join('')}>` }]) : ended,
        ]);
        expect(feed(batches, make)).toEqual(expected);
        expect(feed(batches, make, { restart: 'at-each' })).toEqual(expected);
      }),
      propertySettings(),
    );
  });

  it('keeps open sessions over a change of the gap, and refuses those of another aggregator', () => {
    const checkpoint = memoryCheckpoint();
    const life = (operator: OperatorFunction<Batch<Click>, Batch<unknown>>, crashAt?: number) =>
      attempt<Click>([[['a', 'x']], [], [], []], operator, checkpoint, crashAt);
    expect(life(sessionWindow({ gap: 100, id: 's' }), 20)).toEqual(['crash']);
    expect(life(sessionWindow({ gap: 100, aggregator: concat, id: 's' }))[0]).toContain(
      'state "s": the checkpoint has sessionWindow aggregator=list',
    );
    expect(life(sessionWindow({ gap: 100 }))[0]).toContain('sessionWindow: id is missing');
    expect(life(sessionWindow({ gap: 20, id: 's' }))).toEqual([['a', { start: 10, end: 10, value: ['x'] }]]);
  });

  it('refuses what it cannot use', () => {
    expect(() => sessionWindow({ gap: 0 })).toThrow('sessionWindow: gap (0) must be a positive integer');
    expect(() => sessionWindow({ gap: 1, maxDuration: 0.5 })).toThrow('sessionWindow: maxDuration (0.5)');
    expect(() => sessionWindow({ gap: 1, aggregator: {} as never })).toThrow('sessionWindow: aggregator.lift');
    const messages: string[] = [];
    runBatches(({ batches }) => {
      for (const record of ['text', [{}, 1]]) {
        batches<unknown>('-a|', { a: [record] })
          .pipe(sessionWindow({ gap: 1 }) as never)
          .subscribe({ error: ({ message }: Error) => messages.push(message) });
      }
    });
    expect(messages[0]).toBe('sessionWindow: record "text" is not a pair [key, value]');
    expect(messages[1]).toContain('has a key that is no string, number, bigint, boolean or null');
  });

  it('takes pairs only, and an aggregator of their values', () => {
    const types = (pairs: Observable<Batch<Click>>, words: Observable<Batch<string>>) => {
      const all: Observable<Batch<Pair<string, Session<readonly string[]>>>> = pairs.pipe(sessionWindow({ gap: 10 }));
      const counts: Observable<Batch<Pair<string, Session<number>>>> = pairs.pipe(
        sessionWindow({ gap: 10, aggregator: count() }),
      );
      // @ts-expect-error words are no pairs
      words.pipe(sessionWindow({ gap: 10 }));
      // @ts-expect-error an object is no key
      sessionWindow<{ id: number }, string>({ gap: 10 });
      // @ts-expect-error the values are text
      pairs.pipe(sessionWindow({ gap: 10, aggregator: {} as Aggregator<number, number, number> }));
      // @ts-expect-error there is no session without a gap
      pairs.pipe(sessionWindow({ maxDuration: 10 }));
      return { all, counts };
    };
    expect(types).toBeTypeOf('function');
  });
});

/** The sessions by definition, from all batches. */
function recompute(
  batches: readonly TimedRecords<Click>[],
  gap: number,
  maxDuration: number,
): TimedRecords<Sessions>[] {
  const times = batches.map(([time]) => time);
  const ended = new Map(times.map((time): [number, Sessions[]] => [time, []]));
  for (const key of ['a', 'b', 'c']) {
    const of = batches.flatMap(([time, records]) => {
      const values = records.filter(([k]) => k === key).map(([, value]) => value);
      return values.length > 0 ? [{ time, values }] : [];
    });
    const runs: { start: number; end: number; value: string[]; full: boolean }[] = [];
    for (const { time, values } of of) {
      const last = runs.at(-1);
      if (last && !last.full && time - last.end <= gap) {
        last.end = time;
        last.value.push(...values);
        last.full = time - last.start >= maxDuration;
      } else runs.push({ start: time, end: time, value: values, full: false });
    }
    for (const { start, end, value, full } of runs) {
      const out = full ? end : times.find((time) => time > end && time - end >= gap);
      if (out !== undefined) ended.get(out)?.push([key, { start, end, value }]);
    }
  }
  for (const list of ended.values()) {
    list.sort(([a, { start: s }], [b, { start: t }]) => s - t || (a < b ? -1 : 1));
  }
  return [...ended];
}
