// Fills a topic of a Kafka with every flight, once: npm run produce -- --brokers localhost:9092 --topic flights-2001
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { inArrivalOrder } from './daily.js';
import { readFlights } from './flight.js';
import { kafkaSink } from './replay.js';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: 'localhost:9092' },
    topic: { type: 'string', default: 'flights-2001' },
    /** An airport whose flights arrive six hours late. */
    late: { type: 'string' },
  },
});
const kafka = new Kafka({ clientId: 'flights', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
const sink = await kafkaSink(kafka, values.topic);
const flights = inArrivalOrder(readFlights(), values.late);
await sink.write(flights);
await sink.close();
console.log(`${flights.length} flights written to ${values.topic}`);
