/** Whether structured clone copies a value, so that it can be sent between threads. */
export function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
