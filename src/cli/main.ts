import { checkpointCommand } from './checkpointCommand.js';
import type { CommandStreams } from './commandStreams.js';
import { logCommand } from './logCommand.js';
import { UsageError } from './usageError.js';

const usage = `Usage: dstream checkpoint LOCATION COMMAND [OPTIONS]
       dstream log DIRECTORY export [--from OFFSET] [--skip-damaged]

LOCATION is one of
  DIRECTORY                              of a checkpoint in files or LMDB
  postgres://...                         with --job NAME
  kafka://HOST:PORT,.../TOPIC/PARTITION  of kafkaCheckpoint; kafka+ssl:// with TLS

  inspect [--json]            what the checkpoint holds: progress, planned batches, states
  drop ID                     removes a state
  rename ID NEW-ID            changes the id of a state
  export [ID...]              writes states (default: all) as lines of JSON to the standard output
    --skip-damaged            leaves out what is damaged, lists it on the standard error, and ends with exit code 1 then
    --past-damage             with it: of changelogs that lost a record, as of the last batch instead of the one before
  import [--replace]          reads them from the standard input; --replace also where the states exist
  split --of N --to TARGET    a checkpoint for each of N partitions, in TARGET/0, TARGET/1, ... or jobs TARGET-JOB/0, ...

  --job NAME       the job, in PostgreSQL
  --schema NAME    the schema of its tables (default: dstream)
  --to-job NAME    the job of TARGET, in PostgreSQL
  --store KIND     what import and split create in an empty directory: files (default) or lmdb

dstream log reads the write-ahead log in DIRECTORY: a line of JSON for each record, with its offset.

DSTREAM_INTEGRITY_KEY in the environment is the integrityKey of checkpoints and logs in files; the command line would show it to others.
So are DSTREAM_KAFKA_USERNAME, DSTREAM_KAFKA_PASSWORD and DSTREAM_KAFKA_MECHANISM (plain, scram-sha-256 or scram-sha-512), for SASL.

No stream may own the checkpoint or log meanwhile.
`;

/** Runs a command line; returns its exit code: 1 if the command failed, 2 if it cannot be understood. */
export async function main(args: readonly string[], streams: CommandStreams): Promise<number> {
  const { output, errors } = streams;
  const [command, ...rest] = args;
  if (command === undefined || args.includes('--help') || args.includes('-h')) {
    (command === undefined ? errors : output).write(usage);
    return command === undefined ? 2 : 0;
  }
  try {
    if (command === 'checkpoint') await checkpointCommand(rest, streams);
    else if (command === 'log') await logCommand(rest, streams);
    else throw new UsageError(`unknown command ${JSON.stringify(command)}`);
    return 0;
  } catch (error) {
    errors.write(`dstream: ${error instanceof Error ? error.message : String(error)}\n`);
    if (!(error instanceof UsageError)) return 1;
    errors.write('dstream --help lists the commands\n');
    return 2;
  }
}
