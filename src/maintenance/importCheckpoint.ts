import { InvalidOptionError, InvalidRecordError } from '../batch/errors.js';
import type { Key } from '../batch/key.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkBoolean } from '../options/checks.js';
import type { Checkpoint, CheckpointSession } from '../state/checkpoint.js';
import { changesOf, checkCheckpoint, saveChanges, settle, withCheckpoint } from './openedCheckpoint.js';
import type { ProgressLine, StateLine } from './stateLines.js';
import { fromTaggedJson } from './taggedJson.js';

/** Options of `importCheckpoint`. */
export interface ImportOptions {
  /**
   * Whether states that the checkpoint has already are replaced. Otherwise they are refused.
   * @default false
   */
  readonly replace?: boolean | undefined;
}

const optionChecks: OptionChecks<ImportOptions> = { replace: checkBoolean };

interface ReadState extends Omit<StateLine, 'dstream'> {
  readonly entries: [Key, unknown][];
}

/**
 * Adds the states of an export to a checkpoint, all of them in one step. An empty checkpoint takes over the progress of the export
 * too, so that a checkpoint moves from one store to another; in any other the progress stays as it is.
 *
 * @param lines what `exportCheckpoint` has written; empty lines are ignored
 * @returns the ids of the states
 * @throws {InvalidRecordError} (as a rejection) when a line is not of an export, with its number
 * @throws {InvalidOptionError} when an argument is not what it should be; (as a rejection) when the checkpoint has one of the states, and `replace` is not set
 * @throws {CheckpointError} (as a rejection) while a stream owns the checkpoint
 *
 * @see exportCheckpoint
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { countByWindow, foreachBatch, fromBatches } from 'dstream';
 * import { exportCheckpoint, fileCheckpoint, importCheckpoint, lmdbCheckpoint } from 'dstream/node';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'checkpoint-'));
 * const files = fileCheckpoint(join(directory, 'files'));
 * fromBatches([['a']], { interval: 10, checkpoint: files })
 *   .pipe(countByWindow({ window: 20, id: 'count' }), foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       console.log(await importCheckpoint(lmdbCheckpoint(join(directory, 'lmdb')), exportCheckpoint(files)));
 *     },
 *   });
 * // => [ 'count' ]
 * ```
 */
export function importCheckpoint(
  checkpoint: Checkpoint,
  lines: AsyncIterable<string> | Iterable<string>,
  options: ImportOptions = {},
): Promise<readonly string[]> {
  checkCheckpoint('importCheckpoint', 'checkpoint', checkpoint);
  if (!isIterable(lines))
    throw new InvalidOptionError('importCheckpoint', 'lines', lines, 'must be an iterable of lines');
  checkOptions('importCheckpoint', options, optionChecks);
  return importLines(checkpoint, lines, options);
}

function isIterable(lines: unknown): boolean {
  const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = Object(lines);
  return typeof async === 'function' || typeof sync === 'function';
}

async function importLines(
  checkpoint: Checkpoint,
  lines: AsyncIterable<string> | Iterable<string>,
  options: ImportOptions,
): Promise<readonly string[]> {
  const { progress, states } = await readLines(lines);
  return withCheckpoint(checkpoint, async (session) => {
    const known = session.restored?.stateIds ?? [];
    const replaced = [...states.keys()].filter((id) => known.includes(id));
    if (replaced.length > 0 && options.replace !== true) {
      const rule = `must be true to replace states that ${checkpoint.location} has: ${replaced.map((id) => JSON.stringify(id)).join(', ')}`;
      throw new InvalidOptionError('importCheckpoint', 'replace', options.replace, rule);
    }
    const restored = session.restored ?? progress;
    if (!restored) {
      throw new InvalidRecordError(
        'importCheckpoint',
        undefined,
        `is missing: ${checkpoint.location} is empty and needs progress`,
      );
    }
    await saveChanges(session, restored, changesOfAll(states), replaced);
    if (!session.restored) await planAll(session, progress?.planned ?? []);
    return [...states.keys()];
  });
}

function* changesOfAll(states: ReadonlyMap<string, ReadState>) {
  for (const { entries, ...description } of states.values()) yield* changesOf(description, entries);
}

async function planAll(session: CheckpointSession, planned: ProgressLine['planned']): Promise<void> {
  for (const batch of planned) await settle(session.plan(batch));
}

async function readLines(lines: AsyncIterable<string> | Iterable<string>) {
  let progress: ProgressLine | undefined;
  const states = new Map<string, ReadState>();
  let current: ReadState | undefined;
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === '') continue;
    const content = parsed(line, number);
    if (content.dstream === 'progress') progress = progressOf(content, line, number);
    else if (content.dstream === 'state') {
      current = stateOf(content, line, number);
      states.set(current.id, current);
    } else if (current && 'key' in content && 'state' in content) {
      current.entries.push([fromTaggedJson(content.key) as Key, fromTaggedJson(content.state)]);
    } else throw notALine(line, number);
  }
  return { progress, states };
}

function parsed(line: string, number: number): Readonly<Record<string, unknown>> {
  try {
    const content: unknown = JSON.parse(line);
    if (typeof content === 'object' && content !== null) return content as Readonly<Record<string, unknown>>;
  } catch {
    // Reported below.
  }
  throw notALine(line, number);
}

function progressOf(content: Readonly<Record<string, unknown>>, line: string, number: number): ProgressLine {
  const { format, time, zeroTime, interval, positions, planned } = content;
  if (format !== 1) {
    throw new InvalidRecordError(
      'importCheckpoint',
      line,
      `is line ${number} of format ${format}, and only format 1 can be read`,
    );
  }
  const numbers = [time, zeroTime, interval].every((value) => typeof value === 'number');
  if (!numbers || typeof positions !== 'object' || !positions || !Array.isArray(planned)) throw notALine(line, number);
  return content as unknown as ProgressLine;
}

function stateOf(content: Readonly<Record<string, unknown>>, line: string, number: number): ReadState {
  const { id, operator, signature, version } = content;
  if ([id, operator, signature].some((text) => typeof text !== 'string') || !Number.isSafeInteger(version)) {
    throw notALine(line, number);
  }
  return { id, operator, signature, version, entries: [] } as unknown as ReadState;
}

function notALine(line: string, number: number): InvalidRecordError {
  return new InvalidRecordError('importCheckpoint', line, `is line ${number} and no line of an export`);
}
