interface Phrase {
  readonly line: number;
  readonly phrase: string;
  readonly write: string;
}

export function phrasesIn(path: string, text: string): readonly Phrase[];
