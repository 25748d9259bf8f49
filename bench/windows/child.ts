// Runs one contender alone in its process, so that what the engine learned about one does not slow another down.
import { algorithms } from './algorithms.js';
import { keyed } from './keyed.js';
import { operators } from './operators.js';
import { records } from './records.js';

const contender = { ...algorithms, ...keyed, ...operators, ...records }[process.argv[2] ?? ''];
if (!contender) throw new Error(`no contender ${process.argv[2]}`);
const prepared = contender();
globalThis.gc?.();
const started = performance.now();
const used = process.cpuUsage();
prepared.run(prepared.units);
const { user, system } = process.cpuUsage(used);
const wallMs = performance.now() - started;
// Processor time, that of the collector's threads too: what others do on the machine counts little.
const cpuMs = (user + system) / 1_000;
console.log(JSON.stringify({ cpuMs, wallMs, units: prepared.units, check: String(prepared.check()) }));
