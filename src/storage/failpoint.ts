// Failure points: names in the code at which a test lets the process die, as by SIGKILL, at the nth time that it comes by.
// Which ones is said by the environment: DSTREAM_FAILPOINT=name:nth, several separated by commas. Without it they cost one
// look into an empty map. With DSTREAM_FAILPOINT_STOP=1 it is stopped there, as by SIGSTOP, until somebody lets it go on.

const armed = new Map<string, number>();
for (const entry of (process.env.DSTREAM_FAILPOINT ?? '').split(',')) {
  const end = entry.lastIndexOf(':');
  const nth = Number(entry.slice(end + 1));
  if (end > 0 && Number.isInteger(nth) && nth > 0) armed.set(entry.slice(0, end), nth);
}

/** Kills the process here when this point is armed and its turn has come. */
export function failpoint(name: string): void {
  if (!isDue(name)) return;
  if (process.env.DSTREAM_FAILPOINT_STOP === '1') process.kill(process.pid, 'SIGSTOP');
  else die();
}

/** Whether the turn of this point has come: for what has to be done in half before `die`. */
export function isDue(name: string): boolean {
  const left = armed.get(name);
  if (left === undefined) return false;
  armed.set(name, left - 1);
  return left === 1;
}

/** Nothing runs afterwards, as after a power cut, but what the kernel has been given stays. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}
