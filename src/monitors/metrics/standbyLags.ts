import type { GroupEvent } from '../../batch/monitoring/groupEvent.js';
import type { Sample } from './metricTable.js';

/** How far the copies that this process keeps for others are behind, as the events of its groups say: nothing where nobody knows. */
export class StandbyLags {
  readonly #lags = new Map<string, Sample>();

  next({ type, groupId: group, tasks, behind }: GroupEvent): void {
    for (const task of tasks) {
      const key = `${task} ${group}`;
      if (behind !== undefined) this.#lags.set(key, { labels: { group, task }, value: behind });
      else if (type === 'standby-ended' || type === 'standby-stale') this.#lags.delete(key);
    }
  }

  get samples(): readonly Sample[] {
    return [...this.#lags.values()];
  }
}
