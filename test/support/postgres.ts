import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { describe } from 'vitest';

/** The PostgreSQL that `npm test` found or started. */
export const postgresUrl = process.env.POSTGRES_URL ?? '';

/** `describe`, when there is a PostgreSQL; `npm test` says loudly when there is none. */
export const describePostgres = postgresUrl === '' ? describe.skip : describe;

export const newPool = (max = 4): Pool => new Pool({ connectionString: postgresUrl, max });

/** A job or a schema of its own for each test. */
export const newName = (): string => `test_${randomUUID().replaceAll('-', '')}`;
