/** What a schema says of a value that fits it. */
export interface StandardSchemaSuccess<T> {
  /** The value as the schema returns it. */
  readonly value: T;
  /** Absent: there is nothing wrong. */
  readonly issues?: undefined;
}

/** What a schema says of a value that does not fit it. */
export interface StandardSchemaFailure {
  /** What is wrong. */
  readonly issues: readonly StandardSchemaIssue[];
}

/** What a schema says of a value. */
export type StandardSchemaResult<T> = StandardSchemaSuccess<T> | StandardSchemaFailure;

/** Why a value does not fit a schema. */
export interface StandardSchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where in the value, from outside in; absent for the value itself. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * A schema that implements version 1 of Standard Schema, as those of zod, valibot and arktype do.
 *
 * Source: the Standard Schema specification (standardschema.dev).
 */
export interface StandardSchema<T = unknown> {
  /** The properties of the specification. */
  readonly '~standard': {
    /** The version of the specification. */
    readonly version: 1;
    /** The library that the schema is of. */
    readonly vendor: string;
    /** Checks a value. A schema for `json` must do so synchronously. */
    readonly validate: (value: unknown) => StandardSchemaResult<T> | Promise<StandardSchemaResult<T>>;
    /** The types of the schema; never there at run time. */
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
}

/** The type of what has passed a schema. */
export type StandardSchemaOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output'];

/** Schemas of some libraries are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && '~standard' in value;
}

/**
 * The value as the schema returns it; a promise where it validates asynchronously, which the source refuses.
 *
 * @throws {Error} when the value does not fit, with the first issue and where it is
 */
export function validated<T>(schema: StandardSchema<T>, value: unknown): T | Promise<unknown> {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) return result;
  if (result.issues === undefined) return result.value;
  const [first] = result.issues;
  const path = first?.path?.map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
  const others = result.issues.length > 1 ? ` (and ${result.issues.length - 1} more)` : '';
  throw new Error(`it does not fit the schema: ${path ? `${path}: ` : ''}${first?.message ?? 'invalid'}${others}`);
}
