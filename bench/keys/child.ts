// Runs one contender alone in its process, so that what the engine learned about one does not slow another down.
import { contenders } from './contenders.js';

const runs = 5;

const [group = '', name = ''] = process.argv.slice(2);
const contender = contenders[group]?.[name];
if (!contender) throw new Error(`no contender ${name} of ${group}`);
const { units, run, check } = contender();
globalThis.gc?.();
const times = Array.from({ length: runs }, () => {
  const before = process.cpuUsage();
  run(units);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / units;
});
const ms = times.sort((a, b) => a - b)[runs >> 1];
console.log(JSON.stringify({ ms, check: String(check()) }));
