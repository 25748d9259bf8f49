import { OffsetOutOfRangeError } from '../../batch/errors.js';
import { isOtherTopic } from '../../sources/log/logBreak.js';
import { expectSame, settle } from './expectations.js';
import { type LogTrial, readerRecords } from './logTrial.js';

type Case = (trial: LogTrial) => Promise<void>;

const values = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ value: `${name}${i}`, partition: 0 }));

/** What every client does about logs that become others under the same name, as far as its log can. */
export const logIdentityCases: Readonly<Record<string, Case>> = {
  async 'identifies a topic, and one that is created again by another id'(trial) {
    const { deleteTopic } = trial.log;
    if (!deleteTopic) return;
    const topic = await trial.topic(1);
    await trial.append(topic, values('old', 5));
    const client = await trial.connect();
    const before = await settle(client.partitions([topic]));
    const topicId = before?.[0]?.topicId;
    const place = { topic, partition: 0 };
    const [old] = await trial.fetch(client, [{ ...place, offset: 5, ...(topicId !== undefined && { topicId }) }]);
    expectSame('the topic that was asked for', old?.error, undefined);
    await deleteTopic(topic);
    await trial.log.createTopic(topic, 1);
    await trial.append(topic, values('new', 8));
    const other = await trial.until('the id of the new topic', async () => {
      const [latest] = (await settle(client.offsets([place], 'latest'))) ?? [];
      return topicId === undefined || isOtherTopic(latest?.topicId, topicId) ? latest : undefined;
    });
    expectSame('its end', other.offset, 8);
    if (topicId === undefined) return;
    const [fetched] = await trial.fetch(client, [{ ...place, offset: 5, topicId }]);
    expectSame('what it says', refusalOf(fetched?.error), { reason: 'recreated', earliest: 0, latest: 8 });
    expectSame('the present topic', fetched?.topicId, other.topicId);
    expectSame('no records of it', fetched?.records, undefined);
    const known = other.topicId === undefined ? {} : { topicId: other.topicId };
    const [fresh] = await trial.fetch(client, [{ ...place, offset: 0, ...known }]);
    const read = fresh?.records ? await readerRecords(fresh.records) : [];
    expectSame(
      'the records of the new topic',
      read.map(({ value }) => value),
      values('new', 8).map(({ value }) => value),
    );
  },

  async 'knows the leader epochs of what it fetches'(trial) {
    const { client, place } = await trial.filled(['a', 'b']);
    const [latest] = (await settle(client.offsets([place], 'latest'))) ?? [];
    const [fetched] = await trial.fetch(client, [{ ...place, offset: 0 }]);
    const epochs = fetched?.records?.leaderEpochs ?? [];
    fetched?.records?.release?.();
    if (latest?.leaderEpoch === undefined) return;
    expectSame(
      'one epoch, that of the leader',
      epochs.map(({ leaderEpoch }) => leaderEpoch),
      [latest.leaderEpoch],
    );
    const position = { ...place, offset: 2, leaderEpoch: latest.leaderEpoch };
    expectSame('a position in the log', await settle(client.diverged?.([position]) ?? []), client.diverged && []);
  },

  async 'finds where a log was cut and written again'(trial) {
    const { electUncleanLeader } = trial.log;
    if (!electUncleanLeader) return;
    const { client, topic, place } = await trial.filled(['a', 'b', 'c', 'd', 'e']);
    const [before] = (await settle(client.offsets([place], 'latest'))) ?? [];
    const leaderEpoch = before?.leaderEpoch ?? 0;
    await electUncleanLeader(topic, 0, 3);
    await trial.append(topic, values('new', 4));
    const positions = [2, 3, 4, 5].map((offset) => ({ ...place, offset, leaderEpoch }));
    for (const position of positions) {
      const diverged = (await settle(client.diverged?.([position]) ?? [])) ?? [];
      const expected = position.offset > 3 ? [3] : [];
      expectSame(
        `a position at ${position.offset}`,
        diverged.map(({ offset }) => offset),
        expected,
      );
    }
    const [refused] = await trial.fetch(client, [{ ...place, offset: 5, leaderEpoch }]);
    expectSame('what it says', refusalOf(refused?.error), { reason: 'diverged', earliest: 3, latest: 7 });
    const [fine] = await trial.fetch(client, [{ ...place, offset: 3, leaderEpoch }]);
    const read = fine?.records ? await readerRecords(fine.records) : [];
    expectSame(
      'what was written again',
      read.map(({ value }) => value),
      values('new', 4).map(({ value }) => value),
    );
  },
};

function refusalOf(error: unknown): unknown {
  if (!(error instanceof OffsetOutOfRangeError)) return error;
  const { reason, earliest, latest } = error;
  return { reason, earliest, latest };
}
