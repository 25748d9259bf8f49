import { asyncScheduler } from 'rxjs';
import { OffsetOutOfRangeError } from '../../batch/errors.js';
import type { FetchedPartition } from '../../sources/log/logClient.js';
import type { RecordView } from '../../sources/log/recordView.js';
import { errorOf, expectSame, settle } from './expectations.js';
import { all, type LogTrial, readerRecords, readSome } from './logTrial.js';

/** Longer than a record takes to come, on however busy a machine. */
const longWaitMs = 120_000;

type Case = (trial: LogTrial) => Promise<void>;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const values = (count: number) => numbers(count).map((i) => `value ${i}`);

/** What every client of a log does when records are fetched and read, by what it is called. */
export const logFetchCases: Readonly<Record<string, Case>> = {
  async 'returns every record as it was appended'(trial) {
    const topic = await trial.topic(1);
    const timestamp = trial.now;
    const bytes = (text: string) => new TextEncoder().encode(text);
    await trial.append(topic, [
      {
        key: 'k',
        value: 'v',
        partition: 0,
        timestamp,
        headers: [
          ['h', bytes('1')],
          ['h', bytes('2')],
          ['', bytes('')],
        ],
      },
      { key: null, value: null, partition: 0, timestamp },
      { key: '', value: '', partition: 0, timestamp: timestamp + 5 },
      { key: 'ключ', value: '😀'.repeat(100), partition: 0, timestamp: timestamp - 5 },
    ]);
    const client = await trial.knowing(topic);
    expectSame('records', await trial.readAll(client, { topic, partition: 0 }, 0), [
      {
        offset: 0,
        timestamp,
        key: 'k',
        value: 'v',
        headers: [
          ['h', '1'],
          ['h', '2'],
          ['', ''],
        ],
      },
      { offset: 1, timestamp, key: null, value: null, headers: [] },
      { offset: 2, timestamp: timestamp + 5, key: '', value: '', headers: [] },
      { offset: 3, timestamp: timestamp - 5, key: 'ключ', value: '😀'.repeat(100), headers: [] },
    ]);
  },

  async 'shows lengths and text of a record beside its bytes'(trial) {
    const topic = await trial.topic(1);
    await trial.append(topic, [
      { key: 'ключ', value: 'v', partition: 0 },
      { key: null, value: null, partition: 0 },
    ]);
    const client = await trial.knowing(topic);
    const [answer] = await trial.fetch(client, [{ topic, partition: 0, offset: 0 }]);
    const reader = answer?.records;
    const seen: unknown[] = [];
    const look = (view: RecordView) => {
      const { partition, keyLength, valueLength } = view;
      seen.push([view.topic, partition, keyLength, valueLength, view.keyText(), view.valueText()]);
    };
    await reader?.load();
    reader?.read(2, 10, look);
    expectSame('views', seen, [
      [topic, 0, 8, 1, 'ключ', 'v'],
      [topic, 0, -1, -1, null, null],
    ]);
  },

  async 'reads on from any offset, also within a record batch'(trial) {
    const topic = await trial.topic(1);
    await trial.append(
      topic,
      values(5).map((value) => ({ value, partition: 0 })),
    );
    const client = await trial.knowing(topic);
    for (const from of numbers(5)) {
      const records = await trial.readAll(client, { topic, partition: 0 }, from);
      expectSame(
        `from ${from}`,
        records.map(({ offset }) => offset),
        numbers(5).slice(from),
      );
    }
  },

  async 'returns each record once, in order, over fetches of any size'(trial) {
    const { client, place } = await trial.filled(values(20));
    for (const maxBytes of [1, 100, 1_000, 100_000]) {
      const records = await trial.readAll(client, place, 0, maxBytes);
      expectSame(
        `by ${maxBytes} bytes`,
        records.map(({ value }) => value),
        values(20),
      );
    }
  },

  async 'obeys the bytes asked for, down to one record batch'(trial) {
    const size = 10_000;
    const { client, place } = await trial.filled(numbers(20).map(() => 'x'.repeat(size)));
    const [all] = await trial.fetch(client, [{ ...place, offset: 0 }]);
    const batch = (all?.bytes ?? 0) / 20;
    if (batch < size) throw new Error(`20 records of ${size} bytes came as ${all?.bytes}`);
    for (const batches of [0, 1, 3, 10]) {
      const maxBytes = Math.ceil(batches * batch);
      const [answer] = await trial.fetch(client, [{ ...place, offset: 0, maxBytes: Math.max(maxBytes, 1) }]);
      const records = answer?.records ? await readerRecords(answer.records) : [];
      const most = Math.max(batches, 1);
      if (records.length === 0 || records.length > most || (answer?.bytes ?? 0) > most * batch + 1) {
        throw new Error(
          `${maxBytes} bytes, ${batches} batches, were asked for: ${records.length} came, ${answer?.bytes} bytes`,
        );
      }
    }
  },

  async 'returns a partition with nothing new without records'(trial) {
    const { client, place } = await trial.filled(values(2));
    const [answer] = await trial.fetch(client, [{ ...place, offset: 2 }]);
    const { earliest, latest, bytes, records, error } = answer ?? {};
    expectSame('answer', [earliest, latest, bytes, records, error], [0, 2, 0, undefined, undefined]);
  },

  async 'reads several topics and partitions in one fetch, each with its own ends'(trial) {
    const [a, b] = [await trial.topic(3), await trial.topic(1)];
    await trial.append(a, [
      { value: 'a0', partition: 0 },
      { value: 'a2', partition: 2 },
    ]);
    await trial.append(b, [
      { value: 'b0', partition: 0 },
      { value: 'b1', partition: 0 },
    ]);
    const client = await trial.knowing(a, b);
    const answers = await trial.fetch(client, [
      ...numbers(3).map((partition) => ({ topic: a, partition, offset: 0 })),
      { topic: b, partition: 0, offset: 1 },
    ]);
    const seen = [];
    for (const { topic, partition, offset, latest, records } of answers) {
      const read = records ? await readerRecords(records) : [];
      seen.push([topic, partition, offset, latest, read.map(({ value }) => value)]);
    }
    expectSame('answers', seen, [
      [a, 0, 0, 1, ['a0']],
      [a, 1, 0, 0, []],
      [a, 2, 0, 1, ['a2']],
      [b, 0, 1, 2, ['b1']],
    ]);
  },

  async 'answers fetches that are made at once'(trial) {
    const topic = await trial.topic(4);
    await trial.append(
      topic,
      numbers(4).map((partition) => ({ value: `${partition}`, partition })),
    );
    const client = await trial.knowing(topic);
    const read = await Promise.all(numbers(4).map((partition) => trial.readAll(client, { topic, partition }, 0)));
    expectSame(
      'values',
      read.flat().map(({ value }) => value),
      ['0', '1', '2', '3'],
    );
  },

  async 'sees what was appended after it had read to the end'(trial) {
    const { client, topic, place } = await trial.filled(values(1));
    await trial.readAll(client, place, 0);
    await trial.append(topic, [{ value: 'new', partition: 0 }]);
    const records = await trial.readAll(client, place, 1);
    expectSame(
      'values',
      records.map(({ offset, value }) => [offset, value]),
      [[1, 'new']],
    );
  },

  async 'fails a partition alone whose offset is not in the log'(trial) {
    const topic = await trial.topic(3);
    await trial.append(
      topic,
      numbers(3).flatMap((partition) => values(4).map((value) => ({ value, partition }))),
    );
    await trial.log.truncate(topic, 0, 3);
    const client = await trial.knowing(topic);
    const [gone, beyond, fine] = await trial.fetch(client, [
      { topic, partition: 0, offset: 1 },
      { topic, partition: 1, offset: 9 },
      { topic, partition: 2, offset: 0 },
    ]);
    expectSame('gone', rangeOf(gone?.error), {
      lost: { topic, partition: 0, from: 1, until: 3 },
      earliest: 3,
      latest: 4,
    });
    expectSame('beyond', rangeOf(beyond?.error), {
      lost: { topic, partition: 1, from: 4, until: 9 },
      earliest: 0,
      latest: 4,
    });
    expectSame('no records of it', [gone?.records, beyond?.records], [undefined, undefined]);
    const read = fine?.records ? await readerRecords(fine.records) : [];
    expectSame(
      'the other',
      read.map(({ value }) => value),
      values(4),
    );
  },

  async 'reads in steps, up to an offset and a number of records'(trial) {
    const topic = await trial.topic(1);
    await trial.append(
      topic,
      values(10).map((value) => ({ value, partition: 0 })),
    );
    const client = await trial.knowing(topic);
    const [answer] = await trial.fetch(client, [{ topic, partition: 0, offset: 2 }]);
    const reader = answer?.records;
    if (!reader) throw new Error('no records came');
    expectSame('at first', [reader.position, reader.end, reader.done], [2, 10, false]);
    expectSame('bytes are held', reader.bytesLeft > 0, true);
    const offsets = async (until: number, max: number) =>
      (await readSome(reader, until, max)).map(({ offset }) => offset);
    expectSame('by number', await offsets(10, 3), [2, 3, 4]);
    expectSame('by offset', await offsets(7, 100), [5, 6]);
    expectSame('nothing below it', await offsets(7, 100), []);
    expectSame('in between', [reader.position, reader.done], [7, false]);
    expectSame('the rest', await offsets(100, 100), [7, 8, 9]);
    expectSame('at the end', [reader.position, reader.done, reader.bytesLeft], [10, true, 0]);
  },

  async 'passes on what a visitor throws, and goes on behind the record'(trial) {
    const { client, place } = await trial.filled(values(3));
    const [answer] = await trial.fetch(client, [{ ...place, offset: 0 }]);
    const reader = answer?.records;
    await reader?.load();
    const thrown = await errorOf('read', async () =>
      reader?.read(3, 10, ({ offset }) => {
        if (offset === 1) throw new RangeError('mine');
      }),
    );
    expectSame('the error', String(thrown), 'RangeError: mine');
    expectSame('position', reader?.position, 2);
    const rest = reader ? await readerRecords(reader) : [];
    expectSame(
      'the rest',
      rest.map(({ offset }) => offset),
      [2],
    );
  },

  async 'settles early when it is aborted'(trial) {
    const { client, place } = await trial.filled(values(1));
    const abort = new AbortController();
    const request = { ...place, offset: 1, maxBytes: 1_000 };
    let answers: readonly FetchedPartition[] | undefined;
    const options = { maxWait: 2_000, maxBytes: 1_000, signal: abort.signal };
    const fetched = all(client.fetch([request], options)).then((emitted) => {
      answers = emitted.flat();
    });
    // By the time that this is answered the fetch is on its way; and then it has settled, long before it would by itself.
    await settle(client.offsets([place], 'latest'));
    abort.abort();
    await settle(client.offsets([place], 'latest'));
    expectSame('settled', answers !== undefined, true);
    expectSame(
      'records',
      answers?.filter(({ records }) => records !== undefined),
      [],
    );
    await fetched;
  },

  async 'answers a fetch that waits when there is a record, where it says that it waits'(trial) {
    const { client, topic, place } = await trial.filled(values(1));
    if (!client.longPolls) return;
    const request = { ...place, offset: 1, maxBytes: 1_000 };
    const begun = asyncScheduler.now();
    const options = { maxWait: longWaitMs, maxBytes: 1_000 };
    const fetched = all(client.fetch([request], options));
    // By the time that this is answered the fetch is on its way.
    await settle(client.offsets([place], 'latest'));
    await trial.append(topic, [{ value: 'next', partition: 0 }]);
    const [answer] = (await fetched).flat();
    const records = answer?.records ? await readerRecords(answer.records) : [];
    expectSame(
      'values',
      records.map(({ value }) => value),
      ['next'],
    );
    expectSame('ends', [answer?.latest, answer?.highWatermark ?? answer?.latest], [2, 2]);
    expectSame('before its time', asyncScheduler.now() - begun < longWaitMs, true);
  },

  async 'may be closed twice, and another client goes on'(trial) {
    const { client, topic, place } = await trial.filled(values(2));
    await settle(client.close());
    await settle(client.close());
    const next = await trial.knowing(topic);
    expectSame(
      'values',
      (await trial.readAll(next, place, 0)).map(({ value }) => value),
      values(2),
    );
  },
};

function rangeOf(error: unknown): unknown {
  if (!(error instanceof OffsetOutOfRangeError)) return error;
  const { lost, earliest, latest } = error;
  return { lost, earliest, latest };
}
