import type { BatchInfo, Pair } from 'dstream';

export interface OriginRow {
  readonly departures: number;
  readonly meanDelay: number;
}

const rows = 8;

/** The live table: the busiest airports of the last minute, under one line on the batch. */
export class Table {
  #window: readonly Pair<string, OriginRow>[] = [];
  readonly #records = new Map<string, number>();
  readonly #live = process.stdout.isTTY === true;
  #drawn = 0;

  window(window: readonly Pair<string, OriginRow>[]): void {
    this.#window = window;
  }

  records(records: readonly Pair<string, number>[]): void {
    for (const [origin, record] of records) this.#records.set(origin, record);
  }

  draw(info: BatchInfo): void {
    const lines = [batchLine(info), ...this.#table()];
    // On a terminal the table is drawn over the last one.
    if (this.#live && this.#drawn > 0) process.stdout.write(`\x1b[${this.#drawn}A\x1b[J`);
    process.stdout.write(`${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  #table(): readonly string[] {
    const busiest = [...this.#window].sort(([, a], [, b]) => b.departures - a.departures).slice(0, rows);
    const header = `  ${'origin'.padEnd(8)}${'departures'.padStart(12)}${'mean delay'.padStart(12)}${'record'.padStart(8)}`;
    const body = busiest.map(([origin, { departures, meanDelay }]) => {
      const record = this.#records.get(origin) ?? 0;
      const cells = [String(departures).padStart(12), meanDelay.toFixed(1).padStart(12), String(record).padStart(8)];
      return `  ${origin.padEnd(8)}${cells.join('')}`;
    });
    return [header, ...body];
  }
}

function batchLine(info: BatchInfo): string {
  const [input] = Object.values(info.inputs);
  const rate = input?.rate === undefined ? 'none' : `${Math.round(input.rate)}/s`;
  const time = new Date(info.time).toISOString().slice(11, 19);
  return (
    `${time}  ${info.records} records  rate ${rate}  scheduling ${info.schedulingDelay} ms  ` +
    `processing ${info.processingDelay} ms  lag ${input?.lag ?? 0}`
  );
}
