import type { Acquisition } from '../../storage/takeover.js';
import type { CheckpointOpener, CheckpointSession } from '../checkpoint.js';
import type { Salvage } from '../damage.js';
import { readOnlySession } from '../readOnlySession.js';
import type { Changelog } from './changelog.js';
import { ChangelogImage } from './changelogImage.js';
import { ChangelogLease } from './changelogLease.js';
import { ChangelogSession } from './changelogSession.js';
import { ChangelogWriter } from './changelogWriter.js';
import { CopyKeeper } from './copyKeeper.js';
import type { LocalCopies } from './localCopy.js';

/**
 * Opens a changelog as a checkpoint, once its owner has left it or is taken over. It is closed with the session, or here if that fails.
 * With `copies` what is there is read from the copy of this machine, which goes on with what the session appends.
 */
export async function openChangelog<M>(
  changelog: Changelog<M>,
  how: Acquisition & { readonly by?: CheckpointOpener | undefined },
  copies?: LocalCopies,
): Promise<ChangelogSession<M>> {
  const copy = copies && new CopyKeeper(changelog, copies);
  const image = new ChangelogImage(changelog, Date.now, copy);
  const writer = new ChangelogWriter(changelog);
  if (copy) writer.onAppended = (...appended) => copy.appended(...appended);
  try {
    await copies?.ready();
    const lease = await ChangelogLease.take(changelog, image, writer, how);
    await image.decode();
    return new ChangelogSession(changelog, image, writer, lease, copy);
  } catch (error) {
    await Promise.all([changelog.close(), copy?.close()]);
    throw error;
  }
}

/** Reads what is left of a changelog that may be damaged, once its owner has left it. Only the lease is written. */
export async function openDamagedChangelog<M>(
  changelog: Changelog<M>,
  salvage: Salvage,
  how: Acquisition,
): Promise<CheckpointSession> {
  const image = new ChangelogImage(changelog, Date.now, undefined, salvage);
  try {
    const lease = await ChangelogLease.take(changelog, image, new ChangelogWriter(changelog), how);
    return readOnlySession(changelog.location, image.restored, async () => {
      await lease?.release(Promise.resolve(true));
      await changelog.close();
    });
  } catch (error) {
    await changelog.close();
    throw error;
  }
}
