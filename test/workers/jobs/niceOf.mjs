import { readFileSync } from 'node:fs';

/** The nice value of `self`, which is the main thread, of `thread-self`, or of `self/task/NUMBER`. */
export function niceOf(thread) {
  const stat = readFileSync(`/proc/${thread}/stat`, 'utf8');
  // Behind the name, which may have blanks.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
}
