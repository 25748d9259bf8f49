/** In place of a key among the changes of a table: rows that were there before and do not follow in the same batch are deleted. */
export const tableReset = Symbol('tableReset');
