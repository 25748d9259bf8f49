// # CloudEvents
//
// In the binary mode of Kafka the attributes of an event are headers with the prefix `ce_`, and the value is its data. Events of a producer that
// sends twice have the same source and id: `deduplicate` drops them for an hour.
import { deduplicate, foreachBatch, logBatches, memoryLog, type RecordView } from 'dstream';

interface CloudEvent<T> {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data: T;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function eventOf<T>(view: RecordView): CloudEvent<T> {
  const headers = new Map(view.headers.map(([name, value]) => [name, value ? decoder.decode(value) : '']));
  const attribute = (name: string) => {
    const value = headers.get(`ce_${name}`);
    if (value === undefined) throw new Error(`the event has no attribute ${name}`);
    return value;
  };
  return {
    id: attribute('id'),
    source: attribute('source'),
    type: attribute('type'),
    data: JSON.parse(view.valueText() ?? 'null') as T,
  };
}

const log = memoryLog({ topics: { events: 1 } });
const send = (id: string, data: unknown) => {
  const attributes = { id, source: '/shop', type: 'order.placed', specversion: '1.0' };
  const headers = Object.entries(attributes).map(([name, value]) => [`ce_${name}`, encoder.encode(value)] as const);
  log.append('events', [{ value: JSON.stringify(data), headers }]);
};
send('1', { total: 3 });
send('1', { total: 3 });
send('2', { total: 8 });

const events = logBatches(log, {
  topics: ['events'],
  start: 'earliest',
  interval: 100,
  deserialize: (view) => eventOf<{ total: number }>(view),
});
events
  .pipe(
    deduplicate(({ source, id }) => `${source} ${id}`, { window: 3_600_000 }),
    foreachBatch((batch) => {
      for (const { type, id, data } of batch) console.log(type, id, data.total);
      if (batch.length > 0) void events.stop();
    }),
  )
  .subscribe();
// => order.placed 1 3
// => order.placed 2 8
