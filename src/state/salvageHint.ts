import { CorruptCheckpointError } from '../batch/errors.js';
import type { Checkpoint } from './checkpoint.js';

/** With another key, or another version, nothing can be read. */
const unreadable = /integrityKey|its format is version|it has (format|version)/;

/** Says with damage how to go on with the rest; returns any other error unchanged. */
export function withSalvageHint<E>(error: E, of: Pick<Checkpoint, 'command'>): E | CorruptCheckpointError {
  if (!(error instanceof CorruptCheckpointError) || unreadable.test(error.reason)) return error;
  const command = of.command?.('export --skip-damaged');
  const how = command === undefined ? '`exportCheckpoint` with `skipDamaged`' : `\`${command}\``;
  return new CorruptCheckpointError(error.file, error.offset, error.reason, `${how} reads the rest`);
}
