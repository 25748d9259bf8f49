export function niceOf(thread: string): number;
