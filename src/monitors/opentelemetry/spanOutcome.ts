import { type Span, SpanStatusCode } from '@opentelemetry/api';
import { messageOf } from '../../batch/errors/messageOf.js';
import { codeOf } from '../../batch/monitoring/codeOf.js';
import type { Complete } from './attributes.js';
import { hrTime } from './hrTime.js';
import { attribute } from './semconv.js';

/** How spans end, and what they may say of an error: its type, and its message only where that is asked for. */
export class SpanOutcome {
  readonly complete: Complete;
  readonly #showErrors: boolean;

  constructor(complete: Complete, showErrors: boolean) {
    this.complete = complete;
    this.#showErrors = showErrors;
  }

  end(span: Span, at: number, failure?: { readonly error: unknown }): void {
    if (failure) this.fail(span, failure.error);
    span.end(hrTime(at));
  }

  fail(span: Span, error: unknown): void {
    span.setAttribute(attribute.errorType, codeOf(error));
    const message = messageOf(error);
    span.setStatus({ code: SpanStatusCode.ERROR, ...(this.#showErrors && { message }) });
  }
}

/** Anything can be thrown, `undefined` too. */
export function failureOf(outcome: { readonly error?: unknown }): { readonly error: unknown } | undefined {
  return 'error' in outcome ? { error: outcome.error } : undefined;
}
