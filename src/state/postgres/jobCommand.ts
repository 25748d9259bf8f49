/** The command line that does something to the checkpoint of a job. */
export function jobCommand(job: string, action: string): string {
  return `npx dstream checkpoint POSTGRES-URL ${action} --job ${JSON.stringify(job)}`;
}
