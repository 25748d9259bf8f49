import { Buffer } from 'node:buffer';
import { deserialize, serialize } from 'node:v8';
import { InvalidRecordError } from '../batch/errors.js';

// Values as JSON and back, with nothing lost: what JSON has no form for is an object with the field `$`, which names its type.
//
//     {"$":"undefined"}                 {"$":"number","value":"NaN"}       NaN, Infinity, -Infinity, -0
//     {"$":"bigint","value":"12"}       {"$":"date","value":1764378000000} (null for an invalid date)
//     {"$":"map","value":[[k,v],...]}   {"$":"set","value":[v,...]}
//     {"$":"bytes","value":"base64"}    a Uint8Array; {"$":"buffer",...} a Buffer
//     {"$":"object","value":[["$",v],...]}   a plain object that has a field `$` itself
//     {"$":"v8","value":"base64"}       everything else that structuredClone copies: errors, regular expressions, other typed
//                                       arrays, arrays with holes, and values that contain an object twice, or themselves

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The value has no form below: it is written as V8 writes it. */
const untagged = Symbol('untagged');

/** A value that `JSON.stringify` writes, and from which `fromTaggedJson` makes the same again. */
export function toTaggedJson(value: unknown): Json {
  const tagged = tag(value, new Set());
  return tagged === untagged ? { $: 'v8', value: serialize(value).toString('base64') } : tagged;
}

function tag(value: unknown, seen: Set<object>): Json | typeof untagged {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $: 'number', value: Object.is(value, -0) ? '-0' : String(value) };
    case 'bigint':
      return { $: 'bigint', value: String(value) };
    case 'undefined':
      return { $: 'undefined' };
    case 'object':
      return value === null ? null : tagObject(value, seen);
    default:
      return untagged;
  }
}

function tagObject(value: object, seen: Set<object>): Json | typeof untagged {
  if (seen.has(value)) return untagged;
  seen.add(value);
  if (Array.isArray(value)) {
    return Object.keys(value).length === value.length ? tagAll(value, seen) : untagged;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return tagPlain(value, seen);
  if (prototype === Date.prototype)
    return { $: 'date', value: Number.isNaN(+(value as Date)) ? null : +(value as Date) };
  if (prototype === Map.prototype) return wrapped('map', tagAll([...(value as Map<unknown, unknown>)], seen));
  if (prototype === Set.prototype) return wrapped('set', tagAll([...(value as Set<unknown>)], seen));
  if (prototype === Uint8Array.prototype)
    return { $: 'bytes', value: Buffer.from(value as Uint8Array).toString('base64') };
  if (prototype === Buffer.prototype) return { $: 'buffer', value: (value as Buffer).toString('base64') };
  return untagged;
}

function tagAll(values: readonly unknown[], seen: Set<object>): readonly Json[] | typeof untagged {
  const tagged: Json[] = [];
  for (const value of values) {
    const one = tag(value, seen);
    if (one === untagged) return untagged;
    tagged.push(one);
  }
  return tagged;
}

function tagPlain(value: object, seen: Set<object>): Json | typeof untagged {
  const fields = tagAll(Object.values(value), seen);
  if (fields === untagged) return untagged;
  const names = Object.keys(value);
  if (names.includes('$')) return { $: 'object', value: names.map((name, i) => [name, fields[i] as Json]) };
  return Object.fromEntries(names.map((name, i) => [name, fields[i] as Json]));
}

function wrapped($: string, value: Json | typeof untagged): Json | typeof untagged {
  return value === untagged ? untagged : { $, value };
}

/**
 * The value that `toTaggedJson` made this of.
 *
 * @throws {InvalidRecordError} when a tag is unknown
 */
export function fromTaggedJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromTaggedJson);
  const { $, value } = json as { readonly $?: unknown; readonly value?: never };
  if (!Object.hasOwn(json, '$'))
    return Object.fromEntries(Object.entries(json).map(([name, v]) => [name, fromTaggedJson(v)]));
  switch ($) {
    case 'undefined':
      return undefined;
    case 'number':
      return Number(value);
    case 'bigint':
      return BigInt(value as unknown as string);
    case 'date':
      return new Date(value ?? Number.NaN);
    case 'map':
      return new Map(fromTaggedJson(value) as [unknown, unknown][]);
    case 'set':
      return new Set(fromTaggedJson(value) as unknown[]);
    case 'bytes':
      return new Uint8Array(Buffer.from(value as unknown as string, 'base64'));
    case 'buffer':
      return Buffer.from(value as unknown as string, 'base64');
    case 'object':
      return Object.fromEntries(fromTaggedJson(value) as [string, unknown][]);
    case 'v8':
      return deserialize(Buffer.from(value as unknown as string, 'base64'));
    default:
      throw new InvalidRecordError('importCheckpoint', $, 'is no type of a tagged value');
  }
}
