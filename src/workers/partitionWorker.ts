// What runs in a thread of `mapPartitionsInThreads`: imports the module with the function and calls it with each partition that arrives.
import { parentPort, workerData } from 'node:worker_threads';
import { describe } from '../batch/errors/wording.js';
import { importFunction } from './importFunction.js';
import { isCloneable } from './isCloneable.js';
import type {
  AnswerPiece,
  PartitionAnswer,
  PartitionPiece,
  PartitionThreadData,
  PartitionWork,
  PieceReady,
} from './partitionMessages.js';
import { PieceSize } from './pieceSize.js';
import { yieldToMainThread } from './threadPriority.js';
import { takeDown } from './thrownError.js';

type PartitionFunction = (
  partition: PartitionWork['partition'],
  context: PartitionWork['context'],
) => Iterable<unknown> | PromiseLike<Iterable<unknown>>;

const { url, niceness, answers } = workerData as PartitionThreadData;
yieldToMainThread(niceness);
const size = new PieceSize();
let arriving: (PartitionWork & { readonly partition: { readonly records: unknown[] } }) | undefined;

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
    if (answer.type === 'records') sendInPieces(answer.records);
    else post(answer);
  } catch (error) {
    post(uncloneable(answer, error));
  }
}

function sendInPieces(records: readonly unknown[]): void {
  let from = 0;
  do {
    const piece = records.slice(from, from + size.records);
    from += piece.length;
    const begun = performance.now();
    post({ type: 'records', records: piece, isLast: from === records.length });
    size.took(piece.length, performance.now() - begun);
  } while (from < records.length);
}

function post(piece: AnswerPiece): void {
  answers.postMessage(piece);
  parentPort?.postMessage('piece' satisfies PieceReady);
}

/** Which of the results it is that cannot be sent. */
function uncloneable(answer: PartitionAnswer, error: unknown): AnswerPiece {
  const result = answer.type === 'records' ? answer.records.find((record) => !isCloneable(record)) : undefined;
  return { type: 'uncloneable', shown: describe(result), error: takeDown(error) };
}

const loaded = importFunction<PartitionFunction>(url);
parentPort?.on('message', ({ about, records, isLast }: PartitionPiece) => {
  if (about) arriving = { context: about.context, partition: { ...about.partition, records: [] } };
  if (!arriving) return;
  for (const record of records) arriving.partition.records.push(record);
  if (isLast) void answerTo(arriving).then(send);
});
