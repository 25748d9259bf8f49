import { cuts, job, type Variant, variants } from './variants.js';

// Without monitors and with those of one variant in turns, in one process: two processes differ by a quarter for reasons of their own.
const [name = '', size = '', pairs = '0'] = process.argv.slice(2);
const variant = await variants[name]?.();
const cut = cuts[size as keyof typeof cuts];
if (!variant || !cut) throw new Error(`no variant ${name}, or no size ${size}`);
const { run, check } = job(cut);

async function measure(one: Variant): Promise<number> {
  globalThis.gc?.();
  const sum = check();
  const before = process.cpuUsage();
  await run(one);
  const { user, system } = process.cpuUsage(before);
  if (check() === sum) throw new Error('nothing came');
  return (user + system) / 1_000;
}

const off: Variant = { monitors: [] };
for (const one of [off, variant, off, variant]) await measure(one);
/** Processor times of a batch, in ms. */
const pairsOfTimes: (readonly [without: number, withMonitors: number])[] = [];
for (let i = 0; i < Number(pairs); i++) {
  // Which one is first changes.
  const first = i % 2 === 0 ? off : variant;
  const a = await measure(first);
  const b = await measure(first === off ? variant : off);
  const [without, withMonitors] = first === off ? [a, b] : [b, a];
  pairsOfTimes.push([without / cut.batches, withMonitors / cut.batches]);
}
console.log(JSON.stringify(pairsOfTimes));
