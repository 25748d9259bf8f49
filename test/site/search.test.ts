import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { dist } from './builtSite.js';

interface Index {
  /** The addresses, by the number of a section. */
  readonly documentIds: Readonly<Record<string, string>>;
  readonly storedFields: Readonly<Record<string, { readonly title: string; readonly titles: readonly string[] }>>;
}

it('names what it finds so that no two sections look the same', async () => {
  const chunks = join(dist, 'assets/chunks');
  const file = readdirSync(chunks).find((name) => name.includes('localSearchIndex')) ?? '';
  const { default: text } = (await import(pathToFileURL(join(chunks, file)).href)) as { readonly default: string };
  const { documentIds, storedFields } = JSON.parse(text) as Index;
  const addresses = new Map<string, string[]>();
  for (const [number, address] of Object.entries(documentIds)) {
    const { title = '', titles = [] } = storedFields[number] ?? {};
    const shown = [...titles, title].join(' > ');
    addresses.set(shown, [...(addresses.get(shown) ?? []), address]);
  }
  expect(addresses.size).toBeGreaterThan(500);
  expect([...addresses].filter(([, those]) => those.length > 1)).toEqual([]);
  expect(addresses.get('window')).toEqual([expect.stringContaining('/operators/window.html#window')]);
  expect(addresses.get('window (reference of dstream)')).toEqual([
    expect.stringContaining('/api/core/window.html#window'),
  ]);
});
