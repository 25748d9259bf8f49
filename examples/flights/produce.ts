// Fills a topic of a Kafka with every flight, once, or with `--speed N` over and over, N a second:
// npm run produce -- --brokers localhost:9092 --topic flights-2001
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { fromEvent, lastValueFrom, merge } from 'rxjs';
import { inArrivalOrder } from './daily.js';
import { readFlights } from './flight.js';
import { kafkaSink, replay } from './replay.js';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: 'localhost:9092' },
    topic: { type: 'string', default: 'flights-2001' },
    /** An airport whose flights arrive six hours late. */
    late: { type: 'string' },
    partitions: { type: 'string', default: '4' },
    speed: { type: 'string' },
  },
});
const kafka = new Kafka({ clientId: 'flights', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
const sink = await kafkaSink(kafka, values.topic, Number(values.partitions));
const flights = inArrivalOrder(readFlights(), values.late);
const written = values.speed === undefined ? await once() : await overAndOver(Number(values.speed));
await sink.close();
console.log(`${written} flights written to ${values.topic}`);

async function once(): Promise<number> {
  await sink.write(flights);
  return flights.length;
}

function overAndOver(speed: number): Promise<number> {
  const ended = merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'));
  return lastValueFrom(replay(flights, sink, speed, ended), { defaultValue: 0 });
}
