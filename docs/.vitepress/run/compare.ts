/** A line of the output beside the line that the example expects; one of them is absent where they differ. */
export interface ComparedLine {
  readonly printed?: string;
  readonly expected?: string;
  readonly same: boolean;
}

/** The lines `// => text` of an example. */
export function expectedLines(code: string): readonly string[] {
  return [...code.matchAll(/\/\/ => (.*)$/gm)].map(([, line = '']) => line.trim());
}

/** Aligns two outputs by their longest common subsequence. Leading and trailing space does not count. */
export function compareLines(printed: readonly string[], expected: readonly string[]): readonly ComparedLine[] {
  const same = (i: number, j: number) => printed[i]?.trim() === expected[j]?.trim();
  const width = expected.length + 1;
  const longest = new Uint32Array((printed.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = printed.length - 1; i >= 0; i--) {
    for (let j = expected.length - 1; j >= 0; j--) {
      longest[i * width + j] = same(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const rows: ComparedLine[] = [];
  let i = 0;
  let j = 0;
  while (i < printed.length || j < expected.length) {
    const [left, right] = [printed[i], expected[j]];
    if (left !== undefined && right !== undefined && same(i, j)) {
      rows.push({ printed: left, expected: right, same: true });
      i++;
      j++;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      rows.push({ printed: left, same: false });
      i++;
    } else if (right !== undefined) {
      rows.push({ expected: right, same: false });
      j++;
    }
  }
  return rows;
}
