import { createInterface } from 'node:readline';
import { dropState } from '../maintenance/dropState.js';
import { exportCheckpoint } from '../maintenance/exportCheckpoint.js';
import { importCheckpoint } from '../maintenance/importCheckpoint.js';
import { inspectCheckpoint } from '../maintenance/inspectCheckpoint.js';
import { renameState } from '../maintenance/renameState.js';
import { splitCheckpoint } from '../maintenance/splitCheckpoint.js';
import type { Checkpoint } from '../state/checkpoint.js';
import type { CommandStreams } from './commandStreams.js';
import { locationOf } from './location.js';
import { parsedArgs } from './parsedArgs.js';
import type { Location } from './place.js';
import { summaryText } from './summaryText.js';
import { UsageError } from './usageError.js';
import { writeExport } from './writeExport.js';

type Options = ReturnType<typeof parsed>['values'];

interface Action extends CommandStreams {
  readonly location: Location;
  readonly operands: readonly string[];
  readonly options: Options;
}

/** `dstream checkpoint LOCATION COMMAND ...` */
export async function checkpointCommand(args: readonly string[], streams: CommandStreams): Promise<void> {
  const { values, positionals } = parsed(args);
  const [place, command, ...operands] = positionals;
  if (place === undefined || command === undefined) throw new UsageError('checkpoint needs LOCATION and COMMAND');
  const action = commands.get(command);
  if (!action) throw new UsageError(`unknown command checkpoint ${JSON.stringify(command)}`);
  const { job, schema, store } = values;
  const location = locationOf(place, { job, schema, store });
  try {
    await action({ ...streams, location, operands, options: values });
  } finally {
    await location.close();
  }
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    job: text,
    schema: text,
    'to-job': text,
    store: text,
    of: text,
    to: text,
    json: flag,
    replace: flag,
    'skip-damaged': flag,
    'past-damage': flag,
  };
  return parsedArgs(args, options);
}

const commands: ReadonlyMap<string, (action: Action) => Promise<void>> = new Map([
  ['inspect', inspect],
  ['drop', drop],
  ['rename', rename],
  ['export', exportLines],
  ['import', importLines],
  ['split', split],
]);

async function inspect({ location, operands, options, output }: Action): Promise<void> {
  checkOperands('inspect', operands, 0);
  const summary = await inspectCheckpoint(await location.existing());
  output.write(options.json ? `${JSON.stringify(summary)}\n` : summaryText(summary));
}

async function drop({ location, operands, output }: Action): Promise<void> {
  const [id = ''] = checkOperands('drop ID', operands, 1);
  const checkpoint = await location.existing();
  await dropState(checkpoint, id);
  output.write(`removed state ${JSON.stringify(id)} from ${checkpoint.location}\n`);
}

async function rename({ location, operands, output }: Action): Promise<void> {
  const [from = '', to = ''] = checkOperands('rename ID NEW-ID', operands, 2);
  const checkpoint = await location.existing();
  await renameState(checkpoint, from, to);
  output.write(`state ${JSON.stringify(from)} of ${checkpoint.location} is ${JSON.stringify(to)} now\n`);
}

async function exportLines({ location, operands, options, output, errors }: Action): Promise<void> {
  const { 'skip-damaged': skipDamaged = false, 'past-damage': pastDamage = false } = options;
  if (pastDamage && !skipDamaged) throw new UsageError('--past-damage needs --skip-damaged');
  const checkpoint = await location.existing();
  const ids = operands.length > 0 ? operands : undefined;
  await writeExport(checkpoint.location, { output, errors }, (damageObserver) =>
    exportCheckpoint(checkpoint, ids, { skipDamaged, pastDamage, damageObserver }),
  );
}

async function importLines({ location, operands, options, input, output }: Action): Promise<void> {
  checkOperands('import', operands, 0);
  const checkpoint = await location.any();
  const lines = createInterface({ input, crlfDelay: Infinity });
  const ids = await importCheckpoint(checkpoint, lines, { replace: options.replace ?? false });
  output.write(
    `imported ${ids.length === 0 ? 'no states' : ids.map((id) => JSON.stringify(id)).join(', ')} into ${checkpoint.location}\n`,
  );
}

async function split({ location, operands, options, output }: Action): Promise<void> {
  checkOperands('split', operands, 0);
  const { to, schema, store, 'to-job': job } = options;
  if (options.of === undefined || to === undefined) throw new UsageError('split needs --of N and --to TARGET');
  const from = await location.existing();
  const of = Number(options.of);
  const targets = Array.from({ length: of }, (_, number) => locationOf(to, { job, schema, store }, { number, of }));
  try {
    const checkpoints: Checkpoint[] = [];
    for (const target of targets) checkpoints.push(await target.any());
    await splitCheckpoint({ from, of, to: (partition) => checkpoints[partition] as Checkpoint });
    for (const checkpoint of checkpoints) output.write(`wrote ${checkpoint.location}\n`);
  } finally {
    for (const target of targets) await target.close();
  }
}

function checkOperands(usage: string, operands: readonly string[], count: number): readonly string[] {
  if (operands.length !== count) throw new UsageError(`${usage}: ${operands.length} operands instead of ${count}`);
  return operands;
}
