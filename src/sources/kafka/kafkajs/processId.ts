import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { pid } from 'node:process';

/** Names this process in messages to people and to other processes: host, process id, and what tells two of the same apart. */
export const processId = `${hostname()}/${pid}/${randomBytes(3).toString('hex')}`;
