/** The command line that does something to the checkpoint in a directory. */
export function directoryCommand(location: string, action: string): string {
  return `npx dstream checkpoint ${quoted(location)} ${action}`;
}

/** The command line that does something to the write-ahead log in a directory. */
export function logCommand(location: string, action: string): string {
  return `npx dstream log ${quoted(location)} ${action}`;
}

function quoted(location: string): string {
  return /^[\w./-]+$/.test(location) ? location : JSON.stringify(location);
}
