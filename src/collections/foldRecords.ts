/**
 * Folds records, oldest first: the first with `lift`, each other one with `add`. Returns `undefined` without records. `visit`
 * must call its argument with each record.
 */
export function foldRecords<T, P>(
  lift: (record: T) => P,
  add: (partial: P, record: T) => P,
  visit: (next: (record: T) => void) => void,
): readonly [P] | undefined {
  let folded = undefined as [P] | undefined;
  visit((record) => {
    if (folded) folded[0] = add(folded[0], record);
    else folded = [lift(record)];
  });
  return folded;
}
