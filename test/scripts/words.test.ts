import { describe, expect, it } from 'vitest';
import { phrasesIn } from '../../scripts/words.mjs';

const found = (path: string, text: string): readonly string[] =>
  phrasesIn(path, text).map(({ line, phrase }) => `${line}: ${phrase}`);

describe('the list of words', () => {
  it('finds a phrase in prose, also across a line break', () => {
    expect(found('a.md', 'It gives a number.\n\nThere\nis\nnone.')).toEqual(['1: gives', '4: is none']);
  });

  it('knows the uses that are fine', () => {
    expect(found('a.md', 'It gives up. A log in memory stands in for Kafka.')).toEqual([]);
  });

  it('reads no code, code spans and addresses of a page', () => {
    const page = 'See `gives` and [this](./gives.md).\n\n    gives\n\n```ts\nconst gives = 1;\n```\n';
    expect(found('a.md', page)).toEqual([]);
  });

  it('reads comments and strings of code, and no names', () => {
    expect(found('a.ts', '// It gives a number.\nconst gives = anew;\n')).toEqual(['1: gives']);
    expect(found('a.ts', '/**\n * There is\n * none.\n */\n')).toEqual(['2: is none']);
    expect(found('a.ts', "throw new Error('there is none');\n")).toEqual(['1: is none']);
    expect(found('a.ts', 'const text = `a $' + '{gives} b`;\n')).toEqual([]);
    expect(found('a.ts', '/** What `gives` returns. */\n')).toEqual([]);
  });

  it('does not join what code or a code span parts', () => {
    expect(found('a.md', 'A record is `x` none the less.')).toEqual([]);
    expect(found('a.ts', 'f(1); // there is\ng(2); // none\n')).toEqual([]);
  });

  it('skips a line with the marker', () => {
    expect(found('a.ts', "const quote = 'it gives'; // words-ok: a quotation\n")).toEqual([]);
    expect(found('a.md', 'It gives. <!-- words-ok: a quotation -->')).toEqual([]);
  });

  it('says what to write', () => {
    expect(phrasesIn('a.md', 'anew')).toEqual([{ line: 1, phrase: 'anew', write: 'again, from the start' }]);
  });
});
