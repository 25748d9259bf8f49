// What runs in a thread of `mapPartitionsInThreads`: imports the module with the function and calls it with each partition that arrives.
import { parentPort, workerData } from 'node:worker_threads';
import { describe } from '../batch/errors/wording.js';
import { importFunction } from './importFunction.js';
import { isCloneable } from './isCloneable.js';
import type { PartitionAnswer, PartitionThreadData, PartitionWork } from './partitionMessages.js';
import { takeDown } from './thrownError.js';

type PartitionFunction = (
  partition: PartitionWork['partition'],
  context: PartitionWork['context'],
) => Iterable<unknown> | PromiseLike<Iterable<unknown>>;

const { url } = workerData as PartitionThreadData;

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
  const result = answer.type === 'records' ? answer.records.find((record) => !isCloneable(record)) : undefined;
  return { type: 'uncloneable', shown: describe(result), error: takeDown(error) };
}

const loaded = importFunction<PartitionFunction>(url);
parentPort?.on('message', (work: PartitionWork) => void answerTo(work).then(send));
