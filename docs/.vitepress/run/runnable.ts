/** What a program in the page can import. */
const available = new Set(['dstream', 'dstream/aggregators', 'dstream/testing', 'rxjs', 'rxjs/testing']);

/** Whether an example runs in a browser: it imports nothing of Node, and nothing that is not part of the page. */
export function runsInBrowser(code: string): boolean {
  const imports = [...code.matchAll(/(?:\bfrom|\bimport) '([^']+)'/g)].map(([, name = '']) => name);
  return (
    imports.length > 0 && imports.every((name) => available.has(name)) && !/\b(?:process|Buffer|require)\b/.test(code)
  );
}
