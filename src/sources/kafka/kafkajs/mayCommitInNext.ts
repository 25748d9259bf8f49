import type { GroupMembership } from '../../../batch/groupMembership.js';

/**
 * Whether a commit that was refused, by an error that Kafka calls `refusal`, may be made in the next generation: the one that it named is over, and
 * the member has the next one, or will hear of it. A broker answers the joins of all members at once, and the refusal of a commit may be here first.
 */
export function mayCommitInNext(
  refusal: unknown,
  used: GroupMembership | undefined,
  present: GroupMembership | undefined,
): boolean {
  if (refusal !== 'ILLEGAL_GENERATION' || !present) return false;
  return present.generation !== used?.generation || present.isJoining === true;
}
