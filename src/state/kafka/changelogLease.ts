import { Heartbeat } from '../../storage/heartbeat.js';
import { LeaseWatch } from '../../storage/leaseWatch.js';
import { type LockOwner, newOwner } from '../../storage/lockOwner.js';
import { dropLease, holdLease, isFree } from '../../storage/ownLeases.js';
import type { Acquisition } from '../../storage/takeover.js';
import { within } from '../../storage/within.js';
import type { CheckpointOpener } from '../checkpoint.js';
import type { Changelog } from './changelog.js';
import { ownerRecord } from './changelogEntry.js';
import type { ChangelogImage } from './changelogImage.js';
import type { ChangelogWriter } from './changelogWriter.js';

/** Signs of life in a lease: it is silent for no longer than a fifth of it. */
const beatsPerLease = 5;
/** It is not waited for longer than this when it is released, in ms. */
const releaseTimeoutMs = 5_000;

/**
 * The lease of a changelog: a record that says who has opened it. What its owner appends are signs of life; the transactional id is what
 * fences an owner, and the lease only says when that is due. A member of a group waits for nobody: the group says whose the work is. It
 * says who it is with what it appends first, for those outside of the group.
 */
export class ChangelogLease<M> {
  readonly #owner: LockOwner;
  readonly #changelog: Changelog<M>;
  readonly #writer: ChangelogWriter<M>;
  readonly #heartbeat: Heartbeat;

  private constructor(owner: LockOwner, changelog: Changelog<M>, writer: ChangelogWriter<M>, leaseTime: number) {
    this.#owner = owner;
    this.#changelog = changelog;
    this.#writer = writer;
    holdLease(owner);
    this.#heartbeat = new Heartbeat(leaseTime, async () => {
      if (writer.idleMs >= leaseTime / beatsPerLease) await writer.append([ownerRecord(owner)]);
    });
  }

  /**
   * Takes the changelog when its owner has left or its lease is over, or at once for a member of a group, and reads all of it.
   *
   * @throws {CheckpointError} when another stream of this process owns it, or another process and it is to be refused then
   * @throws {CorruptCheckpointError} when it cannot be read
   */
  static async take<M>(
    changelog: Changelog<M>,
    image: ChangelogImage,
    writer: ChangelogWriter<M>,
    { by, ...acquisition }: Acquisition & { readonly by?: CheckpointOpener | undefined },
  ): Promise<ChangelogLease<M>> {
    const watch = new LeaseWatch(changelog.location, acquisition);
    const { signal } = acquisition;
    // A process that waits reads on, so that little is left to read when it is due.
    await image.catchUp(signal);
    while (!by && !(await isFree(image.owner, watch, changelog.location, acquisition))) {
      await watch.pause();
      await image.catchUp(signal);
    }
    // Nobody waits for it any longer: it would fence the one that has it now.
    signal?.throwIfAborted();
    await changelog.take();
    await image.catchUp(signal);
    image.own();
    const owner = newOwner(acquisition.leaseTime);
    if (by) writer.prepend(ownerRecord(owner));
    else await writer.append([ownerRecord(owner)]);
    return new ChangelogLease(owner, changelog, writer, acquisition.leaseTime);
  }

  /** Leaves the changelog to others when `closed` has settled, if it can be written then; never fails. */
  release(closed: Promise<boolean>): Promise<void> {
    return dropLease(
      this.#owner,
      closed.then((isSettled) => isSettled && within(releaseTimeoutMs, this.#release(), { ref: false })),
    );
  }

  /** Not by the writer: after a failure that appends nothing any more, and this depends on nothing. */
  async #release(): Promise<void> {
    await this.#heartbeat.stop();
    if (!this.#writer.hasAppended) return;
    await this.#changelog.append([ownerRecord(undefined)], []);
  }
}
