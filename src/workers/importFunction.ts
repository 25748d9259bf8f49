import { describe } from '../batch/errors/wording.js';

/** The function that the module at `url` exports as its default; what is wrong with the module, where it has none. */
export async function importFunction<F>(url: string): Promise<F | string> {
  try {
    const { default: exported } = (await import(url)) as { readonly default?: unknown };
    if (typeof exported === 'function') return exported as F;
    return `must be a module whose default export is a function, not ${describe(exported)}`;
  } catch (error) {
    return `must be a module that can be imported: ${String(error)}`;
  }
}
