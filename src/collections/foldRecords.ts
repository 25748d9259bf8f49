/**
 * Puts records together, oldest first: the first by `lift`, each other one by `add`. Gives nothing when there are none. `visit`
 * is to call what it is given with each record.
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
