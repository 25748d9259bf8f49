/** The command line that does something to the checkpoint in a directory. */
export function directoryCommand(location: string, action: string): string {
  const path = /^[\w./-]+$/.test(location) ? location : JSON.stringify(location);
  return `npx dstream checkpoint ${path} ${action}`;
}
