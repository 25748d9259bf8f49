import { timer } from 'rxjs';
import { type DStreamError, ProtocolError } from '../../batch/errors.js';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { GroupAssignment, GroupClient, JoinAnswer, JoinRequest } from '../../sources/group/groupClient.js';
import { errorOf, expectSame, settle } from './expectations.js';

/** A coordinator of groups that a contract is run against. */
export interface TestedGroup {
  /** A new client: the contract connects and closes it. */
  client(): GroupClient;
  /** Creates a topic. */
  createTopic(topic: string, partitions: number): unknown;
}

type Case = (trial: GroupTrial) => Promise<void>;

const sessionTimeout = 6_000;
const beatPauseMs = 50;
const maxAttempts = 1_200;
let names = 0;

/** One case: its group, its topic and the clients that it made. */
export class GroupTrial {
  readonly groupId: string;
  readonly topic: string;
  readonly #group: TestedGroup;
  readonly #clients: GroupClient[] = [];

  constructor(group: TestedGroup) {
    const run = `${Math.random().toString(36).slice(2, 10)}-${++names}`;
    this.groupId = `group-${run}`;
    this.topic = `topic-${run}`;
    this.#group = group;
  }

  async begin(): Promise<void> {
    await this.#group.createTopic(this.topic, 2);
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await settle(client.close());
  }

  async member(more: Partial<JoinRequest> = {}): Promise<TrialMember> {
    const client = this.#group.client();
    this.#clients.push(client);
    await settle(client.connect());
    const subscription = { topics: [this.topic], processId: 'a process', since: 5, owned: [], generation: -1 };
    const { groupId } = this;
    const request = { groupId, memberId: '', protocol: 'dstream-1', sessionTimeout, rebalanceTimeout: sessionTimeout };
    return new TrialMember(client, { ...request, subscription, ...more });
  }

  /** Two members that have joined together: the leader first. */
  async together(): Promise<readonly [TrialMember, TrialMember]> {
    const [first, second] = [await this.member(), await this.member()];
    await first.join();
    await first.sync(assigning({ [first.answer.memberId]: [0, 1] }, this.topic));
    const joining = second.join();
    expectSame('a heartbeat', await first.untilRefused(), 'REBALANCE_IN_PROGRESS');
    await Promise.all([joining, first.join()]);
    return first.answer.members.length > 0 ? [first, second] : [second, first];
  }
}

/** A member that does what a case says and nothing by itself. */
export class TrialMember {
  readonly client: GroupClient;
  readonly #request: JoinRequest;
  answer: JoinAnswer = { generation: -1, memberId: '', members: [] };

  constructor(client: GroupClient, request: JoinRequest) {
    this.client = client;
    this.#request = request;
  }

  get membership(): GroupMembership {
    const { memberId, generation } = this.answer;
    return { groupId: this.#request.groupId, instanceId: this.#request.instanceId, memberId, generation };
  }

  async join(more: Partial<JoinRequest> = {}): Promise<void> {
    const request = { ...this.#request, memberId: this.answer.memberId, ...more };
    this.answer = (await patiently(() => settle(this.client.join(request)))) as JoinAnswer;
  }

  async sync(assignments: ReadonlyMap<string, GroupAssignment> = new Map()): Promise<GroupAssignment | undefined> {
    return settle(this.client.sync(this.membership, assignments));
  }

  beat(membership = this.membership): Promise<unknown> {
    return settle(this.client.heartbeat(membership));
  }

  /** The name of the error that a heartbeat, or another attempt, is refused with. */
  async refusal(attempt: () => Promise<unknown> = () => this.beat()): Promise<string> {
    const error = await errorOf('a request', attempt);
    return error instanceof ProtocolError ? error.kafkaError : String(error);
  }

  /** Beats until it is refused, and returns the name of the error. */
  async untilRefused(): Promise<string> {
    for (;;) {
      try {
        await this.beat();
      } catch (error) {
        return error instanceof ProtocolError ? error.kafkaError : String(error);
      }
      await settle(timer(beatPauseMs));
    }
  }
}

/** A broker may have to find the coordinator of a group first. */
async function patiently<R>(attempt: () => Promise<R>): Promise<R> {
  for (let attempts = 0; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (attempts >= maxAttempts || !(error instanceof ProtocolError && error.retriable)) throw error;
    }
    await settle(timer(beatPauseMs));
  }
}

const assigning = (members: Readonly<Record<string, readonly number[]>>, topic: string) =>
  new Map(
    Object.entries(members).map(([memberId, numbers]) => {
      return [
        memberId,
        { partitions: numbers.map((partition) => ({ topic, partition })), tasks: 2, rejoin: true },
      ] as const;
    }),
  );

/** What every coordinator of groups does, by what it is called. */
export const groupCases: Readonly<Record<string, Case>> = {
  async 'makes a lone member the leader, and returns what it assigns'(trial) {
    const member = await trial.member();
    await member.join();
    expectSame(
      'members',
      member.answer.members.map(({ memberId }) => memberId),
      [member.answer.memberId],
    );
    const { subscription } = member.answer.members[0] ?? {};
    expectSame('subscription', subscription, {
      ...{ topics: [trial.topic], processId: 'a process', since: 5, owned: [], generation: -1 },
    });
    const assigned = await member.sync(assigning({ [member.answer.memberId]: [0, 1] }, trial.topic));
    const partitions = [0, 1].map((partition) => ({ topic: trial.topic, partition }));
    expectSame('assignment', assigned, { partitions, tasks: 2, rejoin: true });
    await member.beat();
  },

  async 'lists the partitions of topics'(trial) {
    const { client } = await trial.member();
    const expected = [0, 1].map((partition) => ({ topic: trial.topic, partition }));
    const places = (found: readonly { topic: string; partition: number }[] = []) =>
      found.map(({ topic, partition }) => ({ topic, partition }));
    expectSame('by name', places(await settle(client.partitions([trial.topic]))), expected);
    expectSame('by pattern', places(await settle(client.partitions([new RegExp(`^${trial.topic}$`)]))), expected);
  },

  async 'knows no topic that was never there'(trial) {
    const { client } = await trial.member();
    const error = await errorOf('the list', () => settle(client.partitions([`${trial.topic}-absent`])));
    expectSame('the error', (error as Partial<DStreamError>)?.code, 'UNKNOWN_TOPIC');
  },

  async 'makes members join again when another one comes'(trial) {
    const first = await trial.member();
    await first.join();
    await first.sync(assigning({ [first.answer.memberId]: [0, 1] }, trial.topic));
    const { generation } = first.answer;
    const owned = [{ topic: trial.topic, partition: 1 }];
    const second = await trial.member();
    const joining = second.join();
    expectSame('a heartbeat', await first.untilRefused(), 'REBALANCE_IN_PROGRESS');
    const subscription = { topics: [trial.topic], processId: 'first', since: 1, owned, generation };
    await Promise.all([joining, first.join({ subscription })]);
    expectSame('generations', second.answer.generation, first.answer.generation);
    expectSame('a later one', first.answer.generation > generation, true);
    const leader = [first, second].find(({ answer }) => answer.members.length > 0);
    expectSame('its members', leader?.answer.members.length, 2);
    const claims = leader?.answer.members.find(({ memberId }) => memberId === first.answer.memberId);
    expectSame('what is claimed', claims?.subscription, subscription);
    const all = assigning({ [first.answer.memberId]: [1], [second.answer.memberId]: [0] }, trial.topic);
    const none = new Map();
    const [one, two] = await Promise.all([first, second].map((member) => member.sync(member === leader ? all : none)));
    expectSame('of the first', one?.partitions, owned);
    expectSame('of the second', two?.partitions, [{ topic: trial.topic, partition: 0 }]);
  },

  async 'refuses an older generation'(trial) {
    const member = await trial.member();
    await member.join();
    await member.sync(assigning({ [member.answer.memberId]: [0] }, trial.topic));
    const former = { ...member.membership, generation: member.membership.generation - 1 };
    expectSame('a heartbeat', await member.refusal(() => member.beat(former)), 'ILLEGAL_GENERATION');
  },

  async 'misses a member that leaves at once'(trial) {
    const [leader, other] = await trial.together();
    const all = assigning({ [leader.answer.memberId]: [0], [other.answer.memberId]: [1] }, trial.topic);
    await Promise.all([leader.sync(all), other.sync()]);
    await settle(other.client.leave(other.membership));
    expectSame('of who left', await other.refusal(), 'UNKNOWN_MEMBER_ID');
    expectSame('of who stays', await leader.refusal(), 'REBALANCE_IN_PROGRESS');
    await leader.join();
    expectSame('members', leader.answer.members.length, 1);
  },

  async 'lets a member leave whose join is waiting'(trial) {
    const [leader, other] = await trial.together();
    const all = assigning({ [leader.answer.memberId]: [0], [other.answer.memberId]: [1] }, trial.topic);
    await Promise.all([leader.sync(all), other.sync()]);
    const third = await trial.member();
    const joining = third.join();
    expectSame('a heartbeat', await leader.untilRefused(), 'REBALANCE_IN_PROGRESS');
    // It waits for the other one, which does not join.
    const waiting = leader.join().catch(() => {});
    await settle(leader.client.leave(leader.membership));
    await Promise.all([joining, other.join()]);
    expectSame('members', other.answer.members.length + third.answer.members.length, 2);
    await settle(leader.client.close());
    await waiting;
  },

  async 'returns to a static member what it had, and fences its former life'(trial) {
    const instanceId = `${trial.groupId}-instance`;
    const first = await trial.member({ instanceId });
    await first.join();
    const known = [0, 1].map((partition) => ({ topic: trial.topic, partition }));
    const assigned = { partitions: known.slice(1), tasks: 2, rejoin: false, known };
    const had = await first.sync(new Map([[first.answer.memberId, assigned]]));
    expectSame('what it is assigned', had, assigned);
    const again = await trial.member({ instanceId });
    await again.join();
    expectSame('its generation', again.answer.generation, first.answer.generation);
    expectSame('that it assigns nothing', again.answer.members.length, 0);
    expectSame('what it has', await again.sync(), had);
    expectSame('the former', await first.refusal(), 'FENCED_INSTANCE_ID');
    await again.beat();
  },

  async 'removes a member that has not been heard of for a session'(trial) {
    const [leader, other] = await trial.together();
    const all = assigning({ [leader.answer.memberId]: [0], [other.answer.memberId]: [1] }, trial.topic);
    await Promise.all([leader.sync(all), other.sync()]);
    expectSame('who stays hears of it', await leader.untilRefused(), 'REBALANCE_IN_PROGRESS');
    await leader.join();
    expectSame('members', leader.answer.members.length, 1);
    expectSame('the other', await other.refusal(), 'UNKNOWN_MEMBER_ID');
  },

  async 'refuses members of another kind'(trial) {
    const member = await trial.member();
    await member.join();
    await member.sync(assigning({ [member.answer.memberId]: [0] }, trial.topic));
    const other = await trial.member({ protocol: 'another-1' });
    expectSame('a join', await other.refusal(() => other.join()), 'INCONSISTENT_GROUP_PROTOCOL');
  },
};
