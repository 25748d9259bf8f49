import type { GroupMembership } from '../../../batch/groupMembership.js';

/**
 * Whether a commit that was refused because the generation is over may be made in the next one: the member has it, or will hear of it. A broker
 * answers the joins of all members at once, and the refusal of a commit may be here first.
 */
export function mayHaveNext(used: GroupMembership | undefined, present: GroupMembership | undefined): boolean {
  return present !== undefined && (present.generation !== used?.generation || present.isJoining === true);
}
