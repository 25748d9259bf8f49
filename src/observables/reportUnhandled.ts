import { asyncScheduler, config } from 'rxjs';

/** As RxJS reports an error that no subscriber handles: later, so that nothing that runs now fails by it. */
export function reportUnhandled(error: unknown): void {
  asyncScheduler.schedule(() => {
    const { onUnhandledError } = config;
    if (onUnhandledError) onUnhandledError(error);
    else throw error;
  });
}
