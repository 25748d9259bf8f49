import type { BatchContext } from './batchContext.js';
import type { FailedRecord, RecordOrigin } from './recordErrors.js';

/**
 * Returns `visit`; where the stream puts records aside, a `visit` that never throws for a single record. `originOf` is called only
 * for a record that failed.
 */
export function guarded<T>(
  context: BatchContext,
  owner: Pick<FailedRecord, 'operator' | 'id'>,
  originOf: () => RecordOrigin | undefined,
  visit: (record: T) => void,
): (record: T) => void {
  const errors = context.recordErrors;
  if (!errors) return visit;
  return (record) => {
    try {
      visit(record);
    } catch (error) {
      if (errors.failing) throw error;
      errors.putAside({ ...owner, record, error }, originOf(), context);
    }
  };
}
