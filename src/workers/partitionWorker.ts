// What runs in a thread of `mapPartitionsInThreads`: imports the module with the function and calls it with each partition that arrives.
import { parentPort, workerData } from 'node:worker_threads';
import { describe } from '../batch/errors/wording.js';
import type { PartitionAnswer, PartitionThreadData, PartitionWork } from './partitionMessages.js';
import { takeDown } from './thrownError.js';

type PartitionFunction = (
  partition: PartitionWork['partition'],
  context: PartitionWork['context'],
) => Iterable<unknown> | PromiseLike<Iterable<unknown>>;

const { url } = workerData as PartitionThreadData;

/** Returns what is wrong with the module, where it has no function. */
async function load(): Promise<PartitionFunction | string> {
  try {
    const { default: exported } = (await import(url)) as { readonly default?: unknown };
    if (typeof exported === 'function') return exported as PartitionFunction;
    return `must be a module whose default export is a function, not ${describe(exported)}`;
  } catch (error) {
    return `must be a module that can be imported: ${String(error)}`;
  }
}

async function answerTo({ partition, context }: PartitionWork): Promise<PartitionAnswer> {
  const project = await loaded;
  if (typeof project === 'string') return { type: 'unusable', rule: project };
  try {
    const results = await project(partition, context);
    return { type: 'records', records: Array.isArray(results) ? results : [...results] };
  } catch (error) {
    return { type: 'failed', error: takeDown(error) };
  }
}

function send(answer: PartitionAnswer): void {
  try {
    parentPort?.postMessage(answer);
  } catch (error) {
    parentPort?.postMessage(uncloneable(answer, error));
  }
}

/** Which of the results it is that cannot be sent. */
function uncloneable(answer: PartitionAnswer, error: unknown): PartitionAnswer {
  const result = answer.type === 'records' ? answer.records.find(refuses) : undefined;
  return { type: 'uncloneable', shown: describe(result), error: takeDown(error) };
}

function refuses(record: unknown): boolean {
  try {
    structuredClone(record);
    return false;
  } catch {
    return true;
  }
}

const loaded = load();
parentPort?.on('message', (work: PartitionWork) => void answerTo(work).then(send));
