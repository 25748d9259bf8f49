import { connect } from 'node:net';
import { encodeProduce } from '../../src/sources/kafka/protocol/produceProtocol.js';
import { partitions, perRecordBatch, recordBatches } from './topic.js';

/**
 * Sends a record batch of 100 records to each partition of the topic, `perSecond` times a second, to the one broker that there is, until it is ended.
 * The same bytes each time: it costs next to nothing.
 */
export function producing(broker: string, topic: string, perSecond: number): () => void {
  const batches = Array.from({ length: partitions }, (_, partition) => ({
    partition,
    batch: recordBatches(partition, perRecordBatch, Date.now())[0] as Buffer,
  }));
  const body = encodeProduce({ timeoutMs: 30_000, topics: [{ topic, partitions: batches }] });
  // Produce (0), version 7, a correlation id that nobody reads, and no client id.
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0xff, 0xff]);
  header.writeInt32BE(header.length - 4 + body.length);
  const [host, port] = broker.split(':');
  const socket = connect({ host: host ?? '', port: Number(port) });
  socket.resume();
  const request = Buffer.concat([header, body]);
  const timer = setInterval(() => socket.write(request), 1_000 / perSecond);
  return () => {
    clearInterval(timer);
    socket.destroy();
  };
}
