/** Builds the page of the dashboard. Returns the folder it is in. */
export function buildPage(folder?: string): Promise<string>;
