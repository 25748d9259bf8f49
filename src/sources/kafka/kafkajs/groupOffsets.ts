import { OffsetTooLargeError, ProtocolError } from '../../../batch/errors.js';
import type { GroupMembership } from '../../../batch/groupMembership.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../../batch/topicPartition.js';
import { topicsOf } from '../../../batch/topicsOf.js';
import { GroupCommits } from './groupCommits.js';
import type { KafkajsPort, OffsetToCommit } from './kafkajsPort.js';
import { mayCommitInNext } from './mayCommitInNext.js';
import type { PatientRequests } from './patientRequests.js';

/** What a broker answers to a commit from outside of a group that has members. */
const memberErrors = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS']);

/** What groups have committed, read and written. */
export class GroupOffsets {
  readonly #port: KafkajsPort;
  readonly #requests: PatientRequests;
  readonly #commits = new GroupCommits();

  constructor(port: KafkajsPort, requests: PatientRequests) {
    this.#port = port;
    this.#requests = requests;
  }

  /** `stable`: waits until no open transaction has any of them. */
  async committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    stable: boolean,
  ): Promise<readonly TopicPartitionOffset[]> {
    const resources = { group: groupId, topics: topicsOf(partitions) };
    if (stable) {
      const read = () => this.#port.stableOffsetFetch(groupId, partitions);
      const committed = await this.#requests.retrying('OffsetFetch', resources, read);
      return committed
        .filter(({ offset }) => offset >= 0)
        .map(({ topic, partition, offset }) => ({ topic, partition, offset }));
    }
    const found = await this.#requests.retrying('OffsetFetch', resources, () =>
      this.#port.offsetFetch(groupId, partitions),
    );
    return found
      .filter(({ offset }) => offset !== '-1')
      .map(({ topic, partition, offset }) => ({ topic, partition, offset: toNumber(topic, partition, offset) }));
  }

  async commit(
    groupId: string,
    positions: readonly TopicPartitionOffset[],
    member?: () => GroupMembership | undefined,
  ): Promise<void> {
    const resources = { group: groupId, topics: topicsOf(positions) };
    if (!member) void this.#lookForOthers(groupId);
    const metadata = this.#commits.metadata();
    const offsets = positions.map(({ topic, partition, offset }) => ({ topic, partition, offset, metadata }));
    try {
      await this.#requests.retrying('OffsetCommit', resources, () => this.#commit(groupId, offsets, member));
    } catch (error) {
      throw member ? error : await this.#withMembers(error, groupId);
    }
    for (const position of positions) this.#commits.committed(partitionKey(position), position);
  }

  /** A member commits in its present generation: while the group rebalances, it waits for the next one. */
  async #commit(
    groupId: string,
    offsets: readonly OffsetToCommit[],
    member: (() => GroupMembership | undefined) | undefined,
  ): Promise<void> {
    const used = member?.();
    // Another member's by now.
    if (member && !used) throw new ProtocolError('OffsetCommit', 'UNKNOWN_MEMBER_ID', false);
    try {
      await this.#port.offsetCommit(groupId, offsets, used);
    } catch (error) {
      if (!member || !(error instanceof ProtocolError)) throw error;
      const isOver = mayCommitInNext(error.kafkaError, used, member());
      if (error.kafkaError !== 'REBALANCE_IN_PROGRESS' && !isOver) throw error;
      throw new ProtocolError(error.request, error.kafkaError, true, { cause: error });
    }
  }

  /** It only warns, so that the commit, which is sent behind it, does not wait for it; what it fails with is met by the commit too. */
  async #lookForOthers(groupId: string): Promise<void> {
    const partitions = this.#commits.due(performance.now());
    if (partitions.length === 0) return;
    const found = await this.#port.stableOffsetFetch(groupId, partitions).catch(() => []);
    this.#commits.look(groupId, found);
  }

  /** Only the members of a group may commit its offsets while it has any: the error says who they are. */
  async #withMembers(error: unknown, groupId: string): Promise<unknown> {
    if (!(error instanceof ProtocolError) || !memberErrors.has(error.kafkaError)) return error;
    const members = await this.#port.groupMembers(groupId).catch(() => []);
    const who = members.length > 0 ? members.join(', ') : 'unknown';
    const detail = `group "${groupId}" is in use by consumers that are its members: ${who}`;
    return new ProtocolError(error.request, error.kafkaError, false, { cause: error }, detail);
  }
}

/** Of a committed offset, as kafkajs writes it. */
function toNumber(topic: string, partition: number, offset: string): number {
  const value = Number(offset);
  if (value > Number.MAX_SAFE_INTEGER) throw new OffsetTooLargeError(topic, partition, offset);
  return value;
}
