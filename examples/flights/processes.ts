import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, type RecordView } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom, Subject } from 'rxjs';
import { CountedTotals } from './countedTotals.js';
import { readFlights } from './flight.js';
import { MemberProcess } from './memberProcess.js';
import { kafkaSink, replay } from './replay.js';
import type { Total } from './totals.js';

const partitions = 6;
const sessionTimeout = 6_000;
/** How long nothing happens before and after an accident, in ms. */
const calm = 3_000;
/** How long the last departures may take to be counted, in ms. */
const drainTimeout = 60_000;

/** Shows how processes share partitions: one is killed, the others take over, it comes back, and the totals at the end are compared. */
export async function runProcesses(brokers: readonly string[], processes: number, speed: number): Promise<void> {
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
  const kafka = new Kafka({ clientId: 'flights-demo', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const topic = `flights-${process.pid}-${Date.now()}`;
  const show = new Show(processes, ['--brokers', brokers.join(','), '--topic', topic]);
  const sink = await kafkaSink(kafka, topic, partitions);
  await (await kafkaSink(kafka, `${topic}-totals`, 1)).close();
  console.log(`kafka-consumer-groups.sh --bootstrap-server ${brokers[0]} --describe --group ${topic}`);
  const totals = readTotals(kafka, `${topic}-totals`, show.totals);
  const end = new Subject<void>();
  const written = {
    write: async (flights: Parameters<typeof sink.write>[0]) => {
      await sink.write(flights);
      show.totals.write(flights);
    },
    close: () => sink.close(),
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => show.interrupt());
  try {
    const replayed = lastValueFrom(replay(readFlights(), written, speed, end), { defaultValue: 0 });
    await Promise.race([show.run(), replayed]);
    end.next();
    await replayed;
    await show.drain();
    console.log(show.totals.verdict());
    if (!show.totals.isRight) process.exitCode = 1;
  } finally {
    end.next();
    await show.end();
    await totals.stop();
    await sink.close();
    await removeTopics(kafka, [topic, `${topic}-totals`, `${topic}-state`]);
  }
}

/** The processes, and what happens to them. */
class Show {
  readonly totals = new CountedTotals();
  readonly #begun = Date.now();
  readonly #members: readonly MemberProcess[];
  #failed: MemberProcess | undefined;
  #interrupted = false;

  constructor(processes: number, args: readonly string[]) {
    this.#members = Array.from(
      { length: processes },
      (_, i) =>
        new MemberProcess(`process ${i + 1}`, [...args, '--session', `${sessionTimeout}`], {
          assigned: ({ name }, tasks) => this.#say(`${name} takes ${tasks.join(' ')}`),
          failed: (member) => {
            this.#failed = member;
          },
        }),
    );
  }

  interrupt(): void {
    this.#interrupted = true;
  }

  async run(): Promise<void> {
    for (const member of this.#members) member.start();
    this.#say(`${this.#members.length} processes start, to share ${partitions} partitions`);
    await this.#until(() => this.#isShared(this.#members));
    await this.#watch();
    const victim = this.#members.at(-1) as MemberProcess;
    const others = this.#members.filter((member) => member !== victim);
    if (this.#interrupted) return;
    this.#say(`${victim.name} is killed (SIGKILL ${victim.pid}), which had ${[...victim.tasks].join(' ')}`);
    const killed = Date.now();
    await victim.kill();
    await this.#until(() => this.#isShared(others));
    this.#say(
      `the others have all partitions ${((Date.now() - killed) / 1_000).toFixed(1)} s later (session ${sessionTimeout / 1_000} s)`,
    );
    await this.#watch();
    if (this.#interrupted) return;
    this.#say(`${victim.name} starts again`);
    victim.start();
    await this.#until(() => this.#isShared(this.#members));
    await this.#watch();
  }

  /** Waits until everything that was written is counted. */
  async drain(): Promise<void> {
    const deadline = Date.now() + drainTimeout;
    while (this.totals.counted < this.totals.written && Date.now() < deadline && !this.#failed) await sleep(50);
    this.#state();
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()));
  }

  /** Whether these have all partitions, and each has some. */
  #isShared(members: readonly MemberProcess[]): boolean {
    const held = members.map(({ tasks }) => tasks.size);
    return held.every((count) => count > 0) && held.reduce((a, b) => a + b) === partitions;
  }

  /** Shows who has what for a while. */
  async #watch(): Promise<void> {
    this.#state();
    await this.#until(() => false, calm);
  }

  async #until(holds: () => boolean, ms = Infinity): Promise<void> {
    const begun = Date.now();
    let shown = begun;
    while (!holds() && !this.#interrupted && Date.now() - begun < ms) {
      if (this.#failed) throw new Error(`${this.#failed.name} has failed`);
      await sleep(20);
      if (Date.now() - shown < 1_000) continue;
      shown += 1_000;
      this.#state();
    }
  }

  #state(): void {
    const held = this.#members.map(({ name, tasks }) => `${name}: ${[...tasks].sort().join(' ') || '-'}`);
    this.#say(`${held.join(' | ')} | ${this.totals.counted} of ${this.totals.written} departures counted`);
  }

  #say(text: string): void {
    console.log(`${((Date.now() - this.#begun) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
  }
}

/** Reads the totals as the transactions of the processes commit them. */
function readTotals(kafka: Kafka, topic: string, totals: CountedTotals) {
  const stream = kafkaBatches(kafka, {
    topics: [topic],
    start: 'earliest',
    interval: 200,
    deserialize: (view: RecordView) => [view.keyText() ?? '', JSON.parse(view.valueText() ?? '') as Total] as const,
  });
  const read = foreachBatch<readonly [string, Total]>((rows) => {
    for (const [origin, total] of rows) totals.count(origin, total);
  });
  stream.pipe(read).subscribe();
  return stream;
}

async function removeTopics(kafka: Kafka, topics: string[]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteTopics({ topics });
  await admin.disconnect();
}
