import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** One departure, as the data set has it: delay in minutes, negative when early. */
export interface Flight {
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

/** 20,000 real departures in the United States in 2001, oldest first (the npm package vega-datasets). */
export function readFlights(): readonly Flight[] {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  const file = new URL('../data/flights-20k.json', `file://${entry}`);
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Flight[];
}
