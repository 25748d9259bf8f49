/** A member of a consumer group in one of its generations: who commits offsets. */
export interface GroupMembership {
  /** The group. */
  readonly groupId: string;
  /** The id that the broker has chosen for the member. */
  readonly memberId: string;
  /** Grows with each assignment of the group. */
  readonly generation: number;
  /** Whether the member waits for the next generation, and this one may be over already. Default: it does not. */
  readonly isJoining?: boolean | undefined;
  /** The id of a static member, which is the same after a restart. */
  readonly instanceId?: string | undefined;
}
