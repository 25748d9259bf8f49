import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './usageError.js';

/** @throws {UsageError} when an option is unknown, or lacks its value */
export function parsedArgs<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
