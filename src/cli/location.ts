import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../state/checkpoint.js';
import { fileCheckpoint } from '../state/file/fileCheckpoint.js';
import { lmdbCheckpoint } from '../state/lmdb/lmdbCheckpoint.js';
import { openPool } from '../state/postgres/openPool.js';
import { postgresCheckpoint } from '../state/postgres/postgresCheckpoint.js';
import { jobsIn } from '../state/postgres/postgresTables.js';
import { inKafka, isKafkaLocation } from './kafkaLocation.js';
import type { Location, Part, Place } from './place.js';
import { UsageError } from './usageError.js';

/** @param part of a checkpoint that has been split: a directory below, a job whose name ends with it, or a partition */
export function locationOf(place: string, details: Place, part?: Part): Location {
  if (isKafkaLocation(place)) return inKafka(place, details, part);
  return /^postgres(ql)?:\/\//.test(place) ? inPostgres(place, details, part) : inDirectory(place, details, part);
}

function inDirectory(place: string, { job, store = 'files' }: Place, part: Part | undefined): Location {
  if (job !== undefined) throw new UsageError('--job is for a location in PostgreSQL');
  if (store !== 'files' && store !== 'lmdb') throw new UsageError('--store must be files or lmdb');
  const directory = part === undefined ? place : join(place, String(part.number));
  // Not from the command line, which others on the machine can see.
  const files = () => fileCheckpoint(directory, { integrityKey: process.env.DSTREAM_INTEGRITY_KEY });
  const found = async (): Promise<Checkpoint | undefined> => {
    const names = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    if (names.includes('data.mdb')) return lmdbCheckpoint(directory);
    return names.some((name) => /^(changelog|snapshot)-\d+$/.test(name)) ? files() : undefined;
  };
  return {
    existing: async () => {
      const checkpoint = await found();
      if (checkpoint) return checkpoint;
      throw new UsageError(`${directory} has no checkpoint: neither data.mdb nor files changelog-N`);
    },
    any: async () => (await found()) ?? (store === 'lmdb' ? lmdbCheckpoint(directory) : files()),
    close: async () => {},
  };
}

function inPostgres(url: string, { job, schema = 'dstream' }: Place, part: Part | undefined): Location {
  const opened = openPool(url);
  const checkpoint = async (exists: boolean): Promise<Checkpoint> => {
    const pool = await opened;
    const name = part === undefined ? job : job && `${job}/${part.number}`;
    if (name !== undefined && !exists) return postgresCheckpoint(pool, { job: name, schema });
    const jobs = await jobsIn(pool, schema);
    if (name !== undefined && jobs.includes(name)) return postgresCheckpoint(pool, { job: name, schema });
    const known =
      jobs.length === 0 ? 'there is no job' : `the jobs are ${jobs.map((one) => JSON.stringify(one)).join(', ')}`;
    throw new UsageError(
      name === undefined ? `--job is missing: ${known}` : `no job is called ${JSON.stringify(name)}: ${known}`,
    );
  };
  return { existing: () => checkpoint(true), any: () => checkpoint(false), close: async () => (await opened).end() };
}
