/** Builds the playground. Returns the folder it is in. */
export function buildPlayground(folder?: string): Promise<string>;
