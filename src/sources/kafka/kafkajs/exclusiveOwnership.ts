import { emitWarning } from 'node:process';
import { asyncScheduler } from 'rxjs';
import { InvalidOptionError } from '../../../batch/errors.js';
import { topicsOf } from '../../../batch/topicsOf.js';
import type { DriverOptions } from '../../../driver/driverOptions.js';
import type { Ownership } from '../../../driver/ownership.js';
import type { OptionChecks } from '../../../options/checkOptions.js';
import { oneOf } from '../../../options/checks.js';
import { withRelayedHeartbeats } from '../../group/heartbeatRelay.js';
import { streamOwnership } from '../../group/memberOwnership.js';
import { type MembershipOptions, membershipChecks, resolveMembershipOptions } from '../../group/membershipOptions.js';
import type { LogSourceOptions } from '../../log/logSourceOptions.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import type { KafkaClientOptions } from './kafkaClientOptions.js';
import { KafkajsGroupClient } from './kafkajsGroupClient.js';
import { processId } from './processId.js';

/** How several processes with one group share a stream. */
export interface ExclusiveOptions extends MembershipOptions {
  /**
   * `'exclusive'`: the process joins its group, and one process of the group works while the others are on standby: they open nothing, and one of
   * them goes on where the first one was, from the checkpoint or the committed offsets, when that leaves or is gone for
   * `sessionTimeout`. Needs `groupId`, and a checkpoint, if there is one, that all of them can reach. `'none'`: every process works off all
   * records, and a warning says so when two commit under one group.
   * @default 'none'
   */
  readonly membership?: 'exclusive' | 'none' | undefined;
}

type Options = ExclusiveOptions &
  KafkaClientOptions &
  DriverOptions &
  Pick<LogSourceOptions<unknown>, 'groupId' | 'topics' | 'partitions' | 'discoverInterval'>;

/** What each option must be. */
export const exclusiveChecks: OptionChecks<ExclusiveOptions> = {
  ...membershipChecks,
  membership: oneOf('exclusive', 'none'),
};

const memberOptions = ['instanceId', 'sessionTimeout', 'heartbeatInterval', 'groupObserver'] as const;

/** @throws {InvalidOptionError} when an option needs another one */
export function exclusiveOwnership(
  owner: string,
  kafka: Kafka | KafkaRuntime,
  options: Options,
): Ownership | undefined {
  const { membership = 'none', groupId, topics, partitions = [], interval, discoverInterval = 30_000 } = options;
  if (membership === 'none') {
    const useless = memberOptions.find((option) => options[option] !== undefined);
    if (!useless) return undefined;
    throw new InvalidOptionError(owner, useless, options[useless], "needs membership: 'exclusive'");
  }
  if (groupId === undefined) {
    throw new InvalidOptionError(owner, 'membership', membership, 'needs groupId to be set');
  }
  const resolved = resolveMembershipOptions(owner, options);
  return streamOwnership(() => withRelayedHeartbeats(new KafkajsGroupClient(owner, kafka)), {
    ...resolved,
    groupId,
    topics: topics ?? topicsOf(partitions),
    processId,
    discoverInterval,
    drainMs: 10 * interval,
    retryTimeout: options.retryTimeout ?? 60_000,
    scheduler: options.scheduler ?? asyncScheduler,
    warn: (message) => emitWarning(message, { type: 'DStreamWarning', code: 'DSTREAM_SHARED_GROUP' }),
  });
}
