import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict, Written } from './judge.js';

/** A record says which life sent it, in which of its openings, and as the how manieth. */
type Sent = readonly [life: number, opening: number, index: number];

/**
 * Judges the output of a run of receivers that has come to its end. Of what was sent after one opening the first records are
 * there, without a gap, once, in order, and before all that was sent later; and at least those that were told as stored.
 */
export function judgeReceiver(written: Written, stored: readonly string[]): Verdict {
  const lost: string[] = [];
  const doubled: string[] = [];
  const counts = new Map<string, number>();
  let last: Sent = [0, 0, 0];
  for (const line of linesInOrder(written)) {
    const sent = JSON.parse(line) as Sent;
    const opening = `${sent[0]}/${sent[1]}`;
    const count = counts.get(opening) ?? 0;
    const later = sent[0] > last[0] || (sent[0] === last[0] && sent[1] >= last[1]);
    if (!later || sent[2] < count) doubled.push(`${line} comes again, or out of order`);
    for (let index = count; index < sent[2]; index++) lost.push(JSON.stringify([sent[0], sent[1], index]));
    counts.set(opening, Math.max(count, sent[2] + 1));
    last = sent;
  }
  for (const line of stored) {
    const [life, opening, index] = JSON.parse(line) as Sent;
    if (index >= (counts.get(`${life}/${opening}`) ?? 0)) lost.push(`${line}, which was stored`);
  }
  return { lost, doubled };
}

/** What was told as stored, in all lives of a run. A line that a life was killed in was not told to its end. */
export function readStored(directory: string): readonly string[] {
  const told = join(directory, 'stored');
  return readdirSync(told).flatMap((life) => readFileSync(join(told, life), 'utf8').split('\n').slice(0, -1));
}

function linesInOrder(written: Written): readonly string[] {
  const timeOf = (name: string) => Number(name.slice(name.indexOf('-') + 1));
  return [...written].sort(([a], [b]) => timeOf(a) - timeOf(b)).flatMap(([, lines]) => lines);
}
