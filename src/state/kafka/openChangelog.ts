import type { Acquisition } from '../../storage/takeover.js';
import type { CheckpointOpener } from '../checkpoint.js';
import type { Changelog } from './changelog.js';
import { ChangelogImage } from './changelogImage.js';
import { ChangelogLease } from './changelogLease.js';
import { ChangelogSession } from './changelogSession.js';
import { ChangelogWriter } from './changelogWriter.js';

/**
 * Opens a changelog as a checkpoint, once its owner has left it or is taken over. It is closed with the session, or here if that fails.
 */
export async function openChangelog<M>(
  changelog: Changelog<M>,
  how: Acquisition & { readonly by?: CheckpointOpener | undefined },
): Promise<ChangelogSession<M>> {
  const image = new ChangelogImage(changelog);
  const writer = new ChangelogWriter(changelog);
  try {
    const lease = await ChangelogLease.take(changelog, image, writer, how);
    return new ChangelogSession(changelog, image, writer, lease);
  } catch (error) {
    await changelog.close();
    throw error;
  }
}
