import { firstOf } from '../../../storage/firstOf.js';
import { responseError } from '../protocol/errorCodes.js';
import type { Broker } from './kafkajsCluster.js';

/** After this time without an answer the coordinator is looked up again, and so on with pauses that double up to the second one. */
const silenceMs = 1_000;
const maxSilenceMs = 5_000;
const notCoordinator = 16;
/** Codes of answers whose sender no longer coordinates the group. */
const movedCodes: ReadonlySet<unknown> = new Set([15, notCoordinator]);

export interface CoordinatorLookup {
  /** The node id of the coordinator of a group, asked of any broker. */
  find(groupId: string): Promise<string>;
  /** A broker by its node id, connected. */
  connect(nodeId: string): Promise<Broker>;
}

/**
 * The coordinators of groups. Each is looked up once, and again after any failure and beside a request that is not answered: a broker that
 * has frozen, or is cut off, does not say that another one has its groups now.
 */
export class GroupCoordinators {
  readonly #lookup: CoordinatorLookup;
  readonly #silenceMs: number;
  readonly #known = new Map<string, string>();

  constructor(lookup: CoordinatorLookup, silence = silenceMs) {
    this.#lookup = lookup;
    this.#silenceMs = silence;
  }

  /** Calls `request` with the coordinator; fails with an error that is retriable once that is another broker. */
  async ask<R>(groupId: string, request: (broker: Broker) => Promise<R>): Promise<R> {
    try {
      const nodeId = this.#known.get(groupId) ?? (await this.#lookup.find(groupId));
      this.#known.set(groupId, nodeId);
      const answer = await this.#unlessMoved(groupId, nodeId, this.#lookup.connect(nodeId).then(request));
      if (movedCodes.has((answer as { readonly errorCode?: unknown } | undefined)?.errorCode))
        this.#known.delete(groupId);
      return answer;
    } catch (error) {
      this.#known.delete(groupId);
      throw error;
    }
  }

  async #unlessMoved<R>(groupId: string, nodeId: string, call: Promise<R>): Promise<R> {
    const answered = call.then((answer) => ({ answer }));
    // It may be left.
    answered.catch(() => {});
    for (let waitMs = this.#silenceMs; ; waitMs = Math.min(2 * waitMs, maxSilenceMs)) {
      const inTime = await firstOf([answered], waitMs);
      if (inTime) return inTime.answer;
      const found = this.#lookup.find(groupId).catch(() => nodeId);
      const first = await Promise.race([answered, found]);
      if (typeof first !== 'string') return first.answer;
      if (first !== nodeId) throw responseError('FindCoordinator', notCoordinator, { group: groupId });
    }
  }
}
