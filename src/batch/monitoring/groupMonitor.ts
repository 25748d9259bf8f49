import type { GroupEvent } from './groupEvent.js';
import type { StreamMonitor } from './streamMonitor.js';

/** A monitor that also receives what happens to the process as a member of its group. */
export interface GroupMonitor extends StreamMonitor {
  /** Receives an event of the group: give the monitor as `groupObserver` too. */
  next(event: GroupEvent): void;
}
