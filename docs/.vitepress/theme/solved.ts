import { shallowRef } from 'vue';

// Which exercises the reader has solved, kept in the browser.

const key = 'dstream-solved';

/** Names of exercises; empty until `loadSolved` is called in the browser. */
export const solved = shallowRef<ReadonlySet<string>>(new Set());

export const exerciseName = (path: string, index: number): string => `${path}#${index}`;

export function loadSolved(): void {
  try {
    solved.value = new Set(JSON.parse(localStorage.getItem(key) ?? '[]') as readonly string[]);
  } catch {
    // What cannot be read is no progress.
  }
}

export function markSolved(name: string): void {
  store([...solved.value, name]);
}

/** Forgets the exercises of a page. */
export function forgetSolved(path: string): void {
  store([...solved.value].filter((name) => !name.startsWith(`${path}#`)));
}

function store(names: readonly string[]): void {
  solved.value = new Set(names);
  try {
    localStorage.setItem(key, JSON.stringify([...solved.value]));
  } catch {
    // A browser that stores nothing forgets it with the page.
  }
}
