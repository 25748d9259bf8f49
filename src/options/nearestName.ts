/** The name that is most like a misspelt one; `undefined` where all are too different to be meant. */
export function nearestName(misspelt: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined;
  // A third of the letters may differ, and one letter of the shortest names.
  let least = Math.max(2, Math.ceil(misspelt.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(misspelt.toLowerCase(), name.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

/** How many letters must be added, removed, replaced, or swapped with their neighbour. */
function editDistance(from: string, to: string): number {
  let last: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const [secondLast, above] = [last, row];
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      const steps = [(above[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same];
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) steps.push((secondLast[j - 2] ?? 0) + 1);
      next.push(Math.min(...steps));
    }
    last = above;
    row = next;
  }
  return row[to.length] ?? 0;
}
