import type { Link } from '@opentelemetry/api';

/** W3C Trace Context, of any version. */
const traceParent = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:-.*)?$/;

/** Links to the spans that `traceparent` headers name. A header that names none, whatever it has, is left out. */
export function traceLinks(headers: readonly string[]): Link[] {
  return headers.flatMap((header) => {
    const [, traceId, spanId, flags] = traceParent.exec(header) ?? [];
    if (traceId === undefined || spanId === undefined || flags === undefined) return [];
    return [{ context: { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true } }];
  });
}
