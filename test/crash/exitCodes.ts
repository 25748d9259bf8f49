/** How a child says why it ended by itself. */
export const exitCodes = { done: 0, failed: 4, fenced: 5, different: 6 } as const;
