/** Options that have all been given or replaced by their defaults. */
export type Resolved<O> = { readonly [Name in keyof O]-?: Exclude<O[Name], undefined> };
