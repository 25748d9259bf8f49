// Failpoints: named places in the code at which a test kills the process by SIGKILL, the nth time it reaches them. The environment
// arms them: DSTREAM_FAILPOINT=name:nth, several separated by commas. Otherwise a failpoint costs one lookup in an empty map. With
// DSTREAM_FAILPOINT_STOP=1 the process is suspended there by SIGSTOP, until SIGCONT.

const armed = new Map<string, number>();
for (const entry of (process.env.DSTREAM_FAILPOINT ?? '').split(',')) {
  const end = entry.lastIndexOf(':');
  const nth = Number(entry.slice(end + 1));
  if (end > 0 && Number.isInteger(nth) && nth > 0) armed.set(entry.slice(0, end), nth);
}

/** Kills the process here when this failpoint is armed and due. */
export function failpoint(name: string): void {
  if (!isDue(name)) return;
  if (process.env.DSTREAM_FAILPOINT_STOP === '1') process.kill(process.pid, 'SIGSTOP');
  else die();
}

/** Whether this failpoint is due: for work that is to be half done before `die`. */
export function isDue(name: string): boolean {
  const left = armed.get(name);
  if (left === undefined) return false;
  armed.set(name, left - 1);
  return left === 1;
}

/** Kills the process: nothing runs afterwards, as after a power cut, but what the kernel has received stays. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}
