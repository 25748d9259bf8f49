// Given to Node with --import: worker threads run TypeScript too, which `--import tsx` does for the main thread only.
import { isMainThread } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

if (!isMainThread) register();
