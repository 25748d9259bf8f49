/** What an error says, whatever was thrown. It throws for nothing: an object without a prototype has no text, and a revoked proxy nothing at all. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return textOf(error);
  }
}

function textOf(error: unknown): string {
  try {
    return Object.prototype.toString.call(error);
  } catch {
    return 'an error without a text';
  }
}
