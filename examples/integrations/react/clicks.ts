import { receiverBatches } from 'dstream';
import { webSocket } from 'rxjs/webSocket';

/** The pages that visitors open, from a server. */
export const clicksFrom = (url: string) =>
  receiverBatches(webSocket<string>(url), {
    interval: 1_000,
    overflow: 'drop-oldest',
    restart: { delay: 500, onClose: 'restart' },
  });
