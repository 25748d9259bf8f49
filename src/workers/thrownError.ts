// What a function throws, on its way between threads: structured clone keeps neither the name of an error nor its own fields.

import { isCloneable } from './isCloneable.js';

/** What was thrown. */
export type ThrownError =
  | {
      readonly type: 'error';
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
      readonly cause?: ThrownError;
      /** Other fields of the error, as far as they can be cloned. */
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'value'; readonly value: unknown };

/** An error that is the cause of itself ends somewhere. */
const maxCauses = 10;

/** Takes down what was thrown. */
export function takeDown(thrown: unknown, causes = 0): ThrownError {
  if (!(thrown instanceof Error)) return { type: 'value', value: isCloneable(thrown) ? thrown : String(thrown) };
  const { name, message, stack, cause } = thrown;
  const fields = Object.entries(thrown).filter(([field, value]) => field !== 'cause' && isCloneable(value));
  return {
    ...{ type: 'error', name, message, stack, fields: Object.fromEntries(fields) },
    ...(cause !== undefined && causes < maxCauses && { cause: takeDown(cause, causes + 1) }),
  };
}

/** An error with the same name, message, stack, cause and fields, or the value that was thrown. */
export function revive(thrown: ThrownError): unknown {
  if (thrown.type === 'value') return thrown.value;
  const { name, message, stack, cause, fields } = thrown;
  const error = new Error(message, cause && { cause: revive(cause) });
  for (const [field, value] of Object.entries({ name, stack, ...fields })) {
    Object.defineProperty(error, field, { value, enumerable: field in fields, configurable: true, writable: true });
  }
  return error;
}
