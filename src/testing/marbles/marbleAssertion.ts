import type { TestScheduler } from 'rxjs/testing';
import { MarbleMismatchError } from '../../batch/errors.js';
import { differenceOf, show } from '../differenceOf.js';
import { alignedDiagrams, type DiagramRow } from './alignedDiagrams.js';

/** What a `TestScheduler` compares: the notifications of a stream, or the subscriptions to a source. */
interface Notified {
  readonly frame: number;
  readonly notification: { readonly kind: 'N' | 'E' | 'C'; readonly value?: unknown; readonly error?: unknown };
}
interface Subscribed {
  readonly subscribedFrame: number;
  readonly unsubscribedFrame: number;
}
type Compared = readonly (Notified | Subscribed)[];

/** Compares the diagrams of a test, and shows where they differ. */
export interface MarbleAssertion {
  /** Called with the values of a diagram, so that a message shows them by the letters of the test. */
  readonly name: (values: Readonly<Record<string, unknown>> | undefined) => void;
  /** @throws {MarbleMismatchError} when the two differ */
  readonly assertDeepEqual: TestScheduler['assertDeepEqual'];
}

export function marbleAssertion(): MarbleAssertion {
  const letters = new Map<unknown, string>();
  return {
    name(values) {
      for (const [letter, value] of Object.entries(values ?? {})) letters.set(value, letter);
    },
    assertDeepEqual(actual: Compared, expected: Compared) {
      const at = firstDifference(actual, expected);
      if (at === undefined) return;
      const first = actual[0] ?? expected[0];
      const isNotified = first !== undefined && 'notification' in first;
      throw isNotified
        ? notificationMismatch(actual as readonly Notified[], expected as readonly Notified[], at, letters)
        : subscriptionMismatch(actual as readonly Subscribed[], expected as readonly Subscribed[], at);
    },
  };
}

/** The index of the first element that differs, or is on one side only. */
function firstDifference(actual: Compared, expected: Compared): number | undefined {
  const length = Math.max(actual.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (differenceOf({ ...actual[i] }, { ...expected[i] }, '') !== undefined) return i;
  }
  return undefined;
}

function notificationMismatch(
  actual: readonly Notified[],
  expected: readonly Notified[],
  at: number,
  letters: ReadonlyMap<unknown, string>,
): MarbleMismatchError {
  const legend = new Legend(letters);
  const rows = [expected, actual].map((side) => rowOf(side, legend));
  const [wanted, got] = [expected[at], actual[at]];
  const frame = Math.min(wanted?.frame ?? Infinity, got?.frame ?? Infinity);
  const found =
    wanted?.frame === got?.frame
      ? valueDifference(wanted, got)
      : `expected ${wanted?.frame === frame ? describe(wanted, legend) : 'nothing'}, got ${
          got?.frame === frame ? describe(got, legend) : 'nothing'
        }`;
  return mismatch(rows.slice(0, 1), rows.slice(1), frame, `at frame ${frame}: ${found}`, legend.lines());
}

function valueDifference(wanted: Notified | undefined, got: Notified | undefined): string {
  const [a, b] = [wanted?.notification, got?.notification];
  if (a?.kind === 'N' && b?.kind === 'N') return differenceOf(b.value, a.value, 'value') ?? '';
  if (a?.kind === 'E' && b?.kind === 'E') return differenceOf(b.error, a.error, 'error') ?? '';
  return `expected ${kindOf(wanted)}, got ${kindOf(got)}`;
}

const kinds = { N: 'a value', E: 'an error', C: 'completion' };

function kindOf(message: Notified | undefined): string {
  return message ? kinds[message.notification.kind] : 'nothing';
}

function describe(message: Notified | undefined, legend: Legend): string {
  if (message?.notification.kind !== 'N') return kindOf(message);
  return `${legend.letterOf(message.notification.value)}`;
}

function rowOf(messages: readonly Notified[], legend: Legend): DiagramRow {
  const marbles = new Map<number, string>();
  for (const { frame, notification } of messages) {
    const { kind, value, error } = notification;
    const marble = kind === 'C' ? '|' : kind === 'N' ? legend.letterOf(value) : legend.hashOf(error);
    marbles.set(frame, `${marbles.get(frame) ?? ''}${marble}`);
  }
  return grouped(marbles);
}

function subscriptionMismatch(
  actual: readonly Subscribed[],
  expected: readonly Subscribed[],
  at: number,
): MarbleMismatchError {
  const [wanted, got] = [expected[at], actual[at]];
  const [began, ended] = [
    [wanted?.subscribedFrame ?? Infinity, got?.subscribedFrame ?? Infinity],
    [wanted?.unsubscribedFrame ?? Infinity, got?.unsubscribedFrame ?? Infinity],
  ] as const;
  const same = began[0] === began[1];
  const frames = same ? ended : began;
  const frame = Math.min(...frames);
  const verb = same ? 'unsubscribed from' : 'subscribed to';
  const when = (at: number) => (at === Infinity ? 'never' : `at frame ${at}`);
  const found = `expected to be ${verb} ${when(frames[0])}, was ${when(frames[1])}`;
  const rows = [expected, actual].map((side) => side.map(subscriptionRow));
  return mismatch(rows[0] ?? [], rows[1] ?? [], frame, `subscription ${at + 1}: ${found}`, []);
}

function subscriptionRow({ subscribedFrame, unsubscribedFrame }: Subscribed): DiagramRow {
  const marbles = new Map([[subscribedFrame, '^']]);
  if (unsubscribedFrame !== Infinity) {
    marbles.set(unsubscribedFrame, `${marbles.get(unsubscribedFrame) ?? ''}!`);
  }
  return grouped(marbles);
}

/** What is at one frame goes into parentheses. */
function grouped(marbles: ReadonlyMap<number, string>): DiagramRow {
  return new Map([...marbles].map(([frame, text]) => [frame, text.length > 1 ? `(${text})` : text]));
}

function mismatch(
  expected: readonly DiagramRow[],
  actual: readonly DiagramRow[],
  frame: number,
  found: string,
  legend: readonly string[],
): MarbleMismatchError {
  const { lines, columnOf } = alignedDiagrams([...expected, ...actual]);
  const [wanted, got] = [lines.slice(0, expected.length), lines.slice(expected.length)];
  const detail = [
    ...labelled('expected  ', wanted),
    ...labelled('actual    ', got),
    `${' '.repeat(10 + columnOf(frame))}^`,
    ...legend,
  ];
  return new MarbleMismatchError(found, frame, wanted.join('\n'), got.join('\n'), detail);
}

function labelled(label: string, lines: readonly string[]): readonly string[] {
  const shown = lines.length === 0 ? ['(none)'] : lines;
  return shown.map((line, i) => (i === 0 ? label : ' '.repeat(label.length)) + line);
}

const alphabet = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** A letter without a value is that letter, or a batch with it as its one record. */
function isItsOwnValue(text: string, letter: string): boolean {
  return text === `"${letter}"` || text === `["${letter}"]`;
}

/** The letter of each value: that of the test, else the value itself if it is a letter, else a free one. */
class Legend {
  readonly #known: ReadonlyMap<unknown, string>;
  readonly #letters = new Map<string, string>();
  readonly #errors = new Set<string>();

  constructor(known: ReadonlyMap<unknown, string>) {
    this.#known = known;
  }

  letterOf(value: unknown): string {
    const text = show(value);
    const letter = this.#letters.get(text) ?? this.#newLetter(value);
    this.#letters.set(text, letter);
    return letter;
  }

  hashOf(error: unknown): string {
    this.#errors.add(show(error));
    return '#';
  }

  /** One line for each letter whose value it does not show. */
  lines(): readonly string[] {
    const values = [...this.#letters].filter(([text, letter]) => !isItsOwnValue(text, letter));
    const all = [...values.sort(([, a], [, b]) => (a < b ? -1 : 1)), ...[...this.#errors].map((text) => [text, '#'])];
    return all.map(([text, letter]) => `${letter} = ${text}`);
  }

  #newLetter(value: unknown): string {
    const taken = new Set(this.#letters.values());
    const own = typeof value === 'string' && value.length === 1 ? value : undefined;
    const named = this.#known.get(value) ?? own;
    if (named !== undefined && !taken.has(named)) return named;
    const reserved = new Set(this.#known.values());
    const free = alphabet.filter((letter) => !taken.has(letter));
    return free.find((letter) => !reserved.has(letter)) ?? free[0] ?? '?';
  }
}
