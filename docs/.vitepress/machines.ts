import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface BuiltSite {
  /** The folder of the pages. */
  readonly docs: string;
  readonly outDir: string;
  /** Paths of the pages in that folder. */
  readonly pages: readonly string[];
  /** Of the site, with a slash at its end. */
  readonly address: string;
}

/** Each page as Markdown beside its HTML, and llms.txt, which lists them. */
export function writeForMachines({ docs, outDir, pages, address }: BuiltSite): void {
  const lines: Record<string, string[]> = { Guide: [], Operators: [], Examples: [], 'API reference': [] };
  for (const page of [...pages].sort()) {
    if (page === 'index.md') continue;
    const to = join(outDir, page);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(docs, page), to);
    if (page.startsWith('design/')) continue;
    const text = readFileSync(join(docs, page), 'utf8');
    const title = /^# (.*)$/m.exec(text)?.[1] ?? page;
    const [folder = ''] = page.split('/', 1);
    const section = { api: 'API reference', examples: 'Examples', operators: 'Operators' }[folder] ?? 'Guide';
    lines[section]?.push(`- [${title}](${address}${page})`);
  }
  lines.Guide?.push(`- [Playground](${address}playground/index.html)`);
  const sections = Object.entries(lines).map(([title, items]) => `## ${title}\n\n${items.join('\n')}\n`);
  const about =
    '> Spark Streaming for RxJS: Kafka topics as Observables of batches, with windows, keyed state and backpressure.';
  writeFileSync(join(outDir, 'llms.txt'), `# dstream\n\n${about}\n\n${sections.join('\n')}`);
}
