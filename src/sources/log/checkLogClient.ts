import { withMethods } from '../../options/checks.js';

/** The methods that a client of a log must have. */
export const checkLogClient = withMethods('connect', 'partitions', 'offsets', 'committed', 'commit', 'fetch', 'close');
