// How the messages of errors show values.
import { messageOf } from './messageOf.js';

/** A value, short enough for a message. */
export function describe(value: unknown): string {
  if (typeof value === 'function') return `function ${value.name}`.trim();
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof RegExp || value === null || !['object', 'string'].includes(typeof value)) return String(value);
  try {
    const text = JSON.stringify(value);
    return text.length > 100 ? `${text.slice(0, 97)}...` : text;
  } catch {
    return Object.prototype.toString.call(value);
  }
}

export function reasonOf(options: ErrorOptions | undefined): string {
  const cause = options?.cause;
  return cause === undefined ? 'no reason given' : messageOf(cause);
}

/** kafkajs does not always say which broker it was. */
export function named(brokers: readonly string[]): string {
  return brokers.length === 0 ? 'the broker' : `brokers (${brokers.join(', ')})`;
}
