/** A command line that cannot be understood. It never leaves the command. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
