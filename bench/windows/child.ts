// Runs one contender alone in its process, so that what the engine learned about one does not slow another down.
import { algorithms } from './algorithms.js';
import { keyed } from './keyed.js';
import { operators } from './operators.js';
import { records } from './records.js';

const runs = 7;

const contender = { ...algorithms, ...keyed, ...operators, ...records }[process.argv[2] ?? ''];
if (!contender) throw new Error(`no contender ${process.argv[2]}`);
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
