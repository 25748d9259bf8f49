import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import { readPlaces, writePlaces } from './consumerProtocol.js';

// What members of a job say in the user data of Kafka's subscriptions and assignments. Members of several versions are in one group while a new
// one is rolled out, so the first version is written wherever it can say all there is; what has a version that is not known counts as absent.

interface Copy {
  readonly task: string;
  readonly behind: number | undefined;
  readonly isBegun?: true | undefined;
}

interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** The copies of checkpoints that a member has; `behind` is `undefined` for an old one, and for one that is only begun. */
interface MemberCopies {
  readonly place: string;
  readonly copies: readonly Copy[];
}

/** What a member says of itself, beside its topics and what it holds. */
export interface MemberUserData {
  readonly processId: string;
  /** When the member was created, in ms. */
  readonly since: number;
  /** Where it keeps copies for others. */
  readonly standby?: MemberCopies | undefined;
  /** Patterns of topics, as text. */
  readonly patterns?: readonly string[] | undefined;
}

/** What the leader tells a member, beside its partitions. */
export interface AssignmentUserData {
  /** How many tasks there are in all. */
  readonly tasks: number;
  readonly rejoin: boolean;
  /** All partitions, for the member that leads. */
  readonly known?: readonly Place[] | undefined;
  /** The partitions of the tasks of whose checkpoints it keeps copies. */
  readonly standbys?: readonly Place[] | undefined;
}

const [plain, withCopies] = [1, 2];
/** In place of how far a copy is behind. */
const [unknownBehind, begun] = [-1, -2];
/** Of the first version: the version, the number of tasks, and whether to join again. */
const plainAssignmentBytes = 6;

/**
 * Version 1: version, since, and the name of the process to the end. Version 2: the same with lengths, the copies, and where there are any the
 * patterns, which members of before do not look at; without copies their place is empty.
 */
export function encodeMemberUserData({ processId, since, standby, patterns = [] }: MemberUserData): Buffer {
  if (!standby && patterns.length === 0) {
    const text = Buffer.from(processId);
    const data = Buffer.alloc(9 + text.length);
    data.writeInt8(plain);
    data.writeBigInt64BE(BigInt(Math.trunc(since)), 1);
    text.copy(data, 9);
    return data;
  }
  const writer = new BodyWriter()
    .int8(withCopies)
    .int64(BigInt(Math.trunc(since)))
    .string(processId);
  const { place, copies } = standby ?? { place: '', copies: [] };
  writer.string(place).int32(copies.length);
  for (const copy of copies) writer.string(copy.task).int64(BigInt(lagOf(copy)));
  if (patterns.length > 0) writer.int32(patterns.length);
  for (const pattern of patterns) writer.sized(Buffer.from(pattern));
  return writer.bytes;
}

function lagOf({ behind, isBegun }: Copy): number {
  if (isBegun) return begun;
  return behind === undefined ? unknownBehind : Math.trunc(behind);
}

/** Of another version nothing is known but that the member is there. */
export function readMemberUserData(data: Buffer): MemberUserData {
  const version = data.length > 0 ? data.readInt8(0) : 0;
  if (version === plain && data.length >= 9) {
    return { processId: data.toString('utf8', 9), since: Number(data.readBigInt64BE(1)) };
  }
  if (version !== withCopies) return { processId: '', since: 0 };
  const reader = new BodyReader(data);
  reader.int8();
  const since = Number(reader.int64());
  const [processId, place] = [reader.string(), reader.string()];
  const copies: Copy[] = [];
  for (let count = reader.count(); count > 0; count--) {
    const task = reader.string();
    const behind = Number(reader.int64());
    copies.push({ task, behind: behind < 0 ? undefined : behind, ...(behind === begun && { isBegun: true }) });
  }
  const patterns: string[] = [];
  for (let count = reader.left > 0 ? reader.count() : 0; count > 0; count--)
    patterns.push(reader.bytes().toString('utf8'));
  return {
    ...{ processId, since },
    ...(place !== '' && { standby: { place, copies } }),
    ...(patterns.length > 0 && { patterns }),
  };
}

/**
 * Version 1 for a member that keeps no copies, since it may not know another one: version, number of tasks, whether to join again, and the known
 * partitions to the end. Version 2: the same, with whether they are there, and the partitions of the copies.
 */
export function encodeAssignmentUserData({ tasks, rejoin, known, standbys = [] }: AssignmentUserData): Buffer {
  const isPlain = standbys.length === 0;
  const writer = new BodyWriter()
    .int8(isPlain ? plain : withCopies)
    .int32(tasks)
    .int8(rejoin ? 1 : 0);
  if (!isPlain) writer.int8(known ? 1 : 0);
  if (known) writePlaces(writer, known);
  return (isPlain ? writer : writePlaces(writer, standbys)).bytes;
}

/** Of another version there are no tasks. */
export function readAssignmentUserData(data: Buffer): AssignmentUserData {
  const version = data.length >= plainAssignmentBytes ? data.readInt8(0) : 0;
  if (version !== plain && version !== withCopies) return { tasks: 0, rejoin: false };
  const reader = new BodyReader(data);
  reader.int8();
  const [tasks, rejoin] = [reader.int32(), reader.int8() !== 0];
  const isKnown = version === plain ? data.length > plainAssignmentBytes : reader.int8() !== 0;
  const known = isKnown ? { known: readPlaces(reader) } : {};
  const standbys = version === withCopies ? { standbys: readPlaces(reader) } : {};
  return { tasks, rejoin, ...known, ...standbys };
}
