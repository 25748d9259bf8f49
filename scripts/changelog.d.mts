export interface TakenOut {
  readonly introduction: string;
  readonly unreleased: string;
  readonly rest: string;
}

export function takeOut(text: string): TakenOut;
export function putBack(text: string, taken: Pick<TakenOut, 'introduction' | 'unreleased'>): string;
