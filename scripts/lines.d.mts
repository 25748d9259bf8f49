interface Comparison {
  readonly app: string;
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

interface AppLines {
  readonly app: string;
  readonly pipeline: number;
  readonly all: number;
}

export function countLines(text: string): number;
export function comparisons(): readonly Comparison[];
export function appLines(): readonly AppLines[];
