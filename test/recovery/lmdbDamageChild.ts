import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint, CheckpointSession, KeyedState } from 'dstream';
import { type LmdbCheckpointOptions, lmdbCheckpoint } from 'dstream/node';
import { firstValueFrom, from, lastValueFrom, type ObservableInput } from 'rxjs';

// make DIRECTORY: a checkpoint to be damaged.
// try DIRECTORY REPORT OPTIONS DAMAGE...: reads copies of it, each with the damage of its name (bit-N, cut-N), and reports
// what came of it: "right", "wrong", or the name and message of the error. A line begins before the try: it stays unfinished
// when that ends the process.

const done = (work: ObservableInput<unknown>) => lastValueFrom(from(work), { defaultValue: undefined });
const open = (checkpoint: Checkpoint): Promise<CheckpointSession> => firstValueFrom(from(checkpoint.open()));
const description = { id: 'sums', operator: 'updateStateByKey', signature: '', version: 0 };
const deleted = ['key-5'];
const keys = Array.from({ length: 60 }, (_, k) => `key-${k}`);

async function make(directory: string): Promise<void> {
  const session = await open(lmdbCheckpoint(directory));
  for (let time = 10; time <= 40; time += 10) {
    const set = keys
      .filter((_, k) => time === 10 || (k + time) % 3 > 0)
      .map((key, k) => [key, `${time} `.repeat(k)] as const);
    const changes = [session.encode({ ...description, set, deleted: time === 30 ? deleted : [] })];
    await done(
      session.save({
        time,
        zeroTime: 0,
        interval: 10,
        positions: { log: [{ topic: 'a', partition: 0, offset: time }] },
        changes,
      }),
    );
  }
  await done(session.plan({ time: 50, zeroTime: 0, interval: 10, ranges: {} }));
  await done(session.close());
}

/** All that a checkpoint gives, as text. */
async function read(directory: string, options: LmdbCheckpointOptions): Promise<string> {
  const session = await open(lmdbCheckpoint(directory, options));
  try {
    const { time, positions, planned } = session.restored ?? {};
    const entries = options.cacheKeys === undefined ? restored(session) : tiered(session);
    return JSON.stringify([time, positions, planned, [...entries]]);
  } finally {
    await done(session.close());
  }
}

function restored(session: CheckpointSession): Iterable<readonly [unknown, unknown]> {
  return session.restored?.state(description.id)?.entries() ?? [];
}

/** Each key looked up alone, as an operator does, and then all of them. A key that is not found alone is missing here. */
function tiered(session: CheckpointSession): Iterable<readonly [unknown, unknown]> {
  const request = { ...description, changed: () => {}, closed: () => {} };
  const state = session.openState?.(request as never) as KeyedState<string, unknown>;
  const alone = new Map(keys.filter((key) => state.has(key)).map((key) => [key, state.get(key)]));
  // What an operator would take for a new key, whatever a walk over all keys says about it later.
  if (alone.size < keys.length - deleted.length) return alone;
  const entries = [...state.entries()];
  return entries.length === alone.size ? entries.map(([key]) => [key, alone.get(key)]) : alone;
}

async function tryAll(
  directory: string,
  report: string,
  options: LmdbCheckpointOptions,
  damages: string[],
): Promise<void> {
  const whole = readFileSync(join(directory, 'data.mdb'));
  const right = readFileSync(`${directory}.right`, 'utf8');
  for (const damage of damages) {
    appendFileSync(report, `${damage} `);
    const [kind, at] = [damage.slice(0, 3), Number(damage.slice(4))];
    const bytes = Buffer.from(kind === 'cut' ? whole.subarray(0, at) : whole);
    if (kind === 'bit') bytes[at >> 3] = bytes[at >> 3]! ^ (1 << (at & 7));
    const copy = `${directory}-${damage}`;
    cpSync(directory, copy, { recursive: true });
    writeFileSync(join(copy, 'data.mdb'), bytes);
    const result = await read(copy, options).then(
      (found) => (found === right ? 'right' : 'wrong'),
      ({ name, message }: Error) => `${name}: ${message.replaceAll(copy, 'COPY')}`,
    );
    rmSync(copy, { recursive: true });
    appendFileSync(report, `${result.replaceAll('\n', ' ')}\n`);
  }
}

const [mode, directory = '', report = '', options = '{}', ...damages] = process.argv.slice(2);
if (mode === 'make') {
  await make(directory);
  writeFileSync(`${directory}.right`, await read(directory, {}));
} else await tryAll(directory, report, JSON.parse(options), damages);
