import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthenticationError, AuthorizationError, CertificateError, foreachBatch, mapRecords } from 'dstream';
import { type KafkaBatchesOptions, kafkaBatches, kafkaCheckpoint, sendToKafka } from 'dstream/kafka';
import {
  type AclEntry,
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  type Kafka,
  type KafkaConfig,
  ResourcePatternTypes,
} from 'kafkajs';
import { firstValueFrom, from, lastValueFrom, type Observable } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { goodCertificate, serverKey } from '../../support/certificates.js';
import { committedPartitions } from '../../support/committedPartitions.js';
import { expectNoSecret } from '../../support/expectNoSecret.js';
import { makeTopic, newKafka, produce } from '../../support/kafka.js';

/** Longer than a test may take: what is refused must not be tried again until this is over. */
const never = { retryTimeout: 3_600_000, stepTimeout: 7_200_000 } as const;
/** As long as a broker allows, for the same reason. */
const transactionTimeout = 900_000;

/** A right and what it is on. */
type Right = readonly [on: 'input' | 'output' | 'group' | 'transactionalId', operation: 'READ' | 'WRITE' | 'DESCRIBE'];

const cases: readonly { readonly user: string; readonly has: readonly Right[] }[] = [
  { user: 'nothing', has: [] },
  {
    user: 'describesInput',
    has: [
      ['input', 'DESCRIBE'],
      ['group', 'READ'],
    ],
  },
  { user: 'noGroup', has: [['input', 'READ']] },
  {
    user: 'describesGroup',
    has: [
      ['input', 'READ'],
      ['group', 'DESCRIBE'],
    ],
  },
];
const reader: readonly Right[] = [
  ['input', 'READ'],
  ['group', 'READ'],
];
const id: Right = ['transactionalId', 'WRITE'];
const writers: typeof cases = [
  { user: 'noOutput', has: [...reader, id] },
  { user: 'describesOutput', has: [...reader, id, ['output', 'DESCRIBE']] },
  { user: 'noId', has: [...reader, ['output', 'WRITE']] },
  { user: 'describesId', has: [...reader, ['output', 'WRITE'], ['transactionalId', 'DESCRIBE']] },
  { user: 'writesWithoutGroup', has: [['input', 'READ'], ['output', 'WRITE'], id] },
];
const allowed = { user: 'allowed', has: [...reader, ['output', 'WRITE'], id] as const };
/** Is given partitions: its transactional id is named by them. */
const dividing = { user: 'dividing', has: [...reader, ['output', 'WRITE'], id] as const };
const withdrawn = { user: 'withdrawn', has: reader };
/** May use a checkpoint in `output`, and not read its settings. */
const keeper = {
  user: 'keeper',
  has: [
    ['output', 'READ'],
    ['output', 'WRITE'],
  ] as readonly Right[],
};
const all = [...cases, ...writers, allowed, dividing, withdrawn, keeper];

/** The private part of the key, as PEM has it. */
const keyText = serverKey.split('\n')[1] as string;

function failure(stream: Observable<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    stream.subscribe({ error: resolve, complete: () => reject(new Error('the stream completed')) });
  });
}

// Needs a broker that refuses.
describe.skipIf(whyNoBroker())('a broker with an authorizer and with TLS', () => {
  let cluster: KafkaCluster;
  let admin: Admin;
  let input = '';
  let output = '';
  /** Of each user, also as the transactional id unless it is given partitions. */
  const groups = new Map(all.map(({ user }) => [user, `${user}-${randomUUID()}`]));
  const groupOf = (user: string) => groups.get(user) as string;
  const resources = (user: string): Record<Right[0], readonly [type: AclResourceTypes, name: string]> => ({
    input: [AclResourceTypes.TOPIC, input],
    output: [AclResourceTypes.TOPIC, output],
    group: [AclResourceTypes.GROUP, groupOf(user)],
    transactionalId: [
      AclResourceTypes.TRANSACTIONAL_ID,
      user === dividing.user ? `${groupOf(user)}-${input}-0` : groupOf(user),
    ],
  });

  beforeAll(async () => {
    cluster = await startKafka({ guarded: true, users: all.map(({ user }) => user) });
    const kafka = newKafka({ brokers: [cluster.brokers] });
    [input, output] = [await makeTopic(kafka, 1), await makeTopic(kafka, 1)];
    await produce(kafka, input, [[{ value: 'a' }, { value: 'b' }]]);
    admin = kafka.admin();
    await admin.connect();
    const acl = all.flatMap(({ user, has }) => has.map(([on, operation]) => entry(user, on, operation)));
    await admin.createAcls({ acl });
    while ((await aclCount()) < acl.length);
  }, 600_000);
  afterAll(async () => {
    await admin?.disconnect();
    await cluster?.stop();
  }, 600_000);

  function entry(user: string, on: Right[0], operation: Right[1]): AclEntry {
    const [resourceType, resourceName] = resources(user)[on];
    return {
      principal: `User:${user}`,
      host: '*',
      resourceType,
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      operation: AclOperationTypes[operation],
      permissionType: AclPermissionTypes.ALLOW,
    };
  }

  /** How many rights the broker knows of. */
  async function aclCount(): Promise<number> {
    const any = { resourceType: AclResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY };
    const { resources } = await admin.describeAcls({
      ...any,
      operation: AclOperationTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    });
    return resources.reduce((sum, { acls }) => sum + acls.length, 0);
  }

  const login = (username: string, password = 'secret') =>
    newKafka({ brokers: [cluster.saslBrokers], sasl: { mechanism: 'plain', username, password } });
  const read = (kafka: Kafka, user: string, more: Partial<KafkaBatchesOptions<string>> = {}) =>
    kafkaBatches(kafka, {
      topics: [input],
      groupId: groupOf(user),
      start: 'earliest',
      interval: 50,
      deserialize: (view) => view.valueText() ?? '',
      ...never,
      ...more,
    } as KafkaBatchesOptions<string>);
  const write = (kafka: Kafka, user: string, target = kafka) =>
    read(kafka, user, { commitOffsets: false }).pipe(
      mapRecords((value) => ({ value })),
      sendToKafka(target, { topic: output, groupId: groupOf(user), transactionTimeout }),
    );

  const refused = async (stream: Observable<unknown>, resource: string) => {
    const error = await failure(stream);
    expect(error).toBeInstanceOf(AuthorizationError);
    expect(error).toMatchObject({ retriable: false, resource });
  };

  it.each([
    ['nothing', () => `topic "${input}"`],
    ['describesInput', () => `topic "${input}"`],
    ['noGroup', (group: string) => `group "${group}"`],
    ['describesGroup', (group: string) => `group "${group}"`],
  ])('names what a reader may not use: %s', async (user, resource) => {
    await refused(read(login(user), user).pipe(foreachBatch(() => {})), resource(groupOf(user)));
  });

  it('names the group that it may not join', async () => {
    const stream = read(login('noGroup'), 'noGroup', { membership: 'exclusive' }).pipe(foreachBatch(() => {}));
    await refused(stream, `group "${groupOf('noGroup')}"`);
  });

  it.each([
    ['noOutput', () => `topic "${output}"`],
    ['describesOutput', () => `topic "${output}"`],
    ['noId', (group: string) => `transactional id "${group}"`],
    ['describesId', (group: string) => `transactional id "${group}"`],
    ['writesWithoutGroup', (group: string) => `group "${group}"`],
  ])('names what a writer may not use: %s', async (user, resource) => {
    await refused(write(login(user), user), resource(groupOf(user)));
  });

  it('writes no copy of a checkpoint, and names the right that it takes', async () => {
    const before = await aclCount();
    const write = { ...entry('keeper', 'transactionalId', 'WRITE'), resourceName: `dstream-checkpoint-${output}-0` };
    await admin.createAcls({ acl: [write] });
    while ((await aclCount()) <= before);
    const directory = mkdtempSync(join(tmpdir(), 'dstream-copies-'));
    const warnings: string[] = [];
    const warn = (warning: Error) => void warnings.push(warning.message);
    process.on('warning', warn);
    try {
      for (const time of [10, 20]) {
        const checkpoint = kafkaCheckpoint(login('keeper'), { topic: output, copy: directory });
        const session = await firstValueFrom(from(checkpoint.open()));
        const batch = { time, zeroTime: 0, interval: 10, positions: {}, changes: [] };
        await lastValueFrom(from(session.save(batch)), { defaultValue: undefined });
        expect(session.usage?.().bytes).toBeUndefined();
        await lastValueFrom(from(session.close()), { defaultValue: undefined });
        expect(await firstValueFrom(from(checkpoint.copies?.exists() ?? []))).toBe(false);
      }
    } finally {
      process.off('warning', warn);
      rmSync(directory, { recursive: true, force: true });
    }
    expect(warnings).toEqual([expect.stringMatching(/is not kept any more: .*delete\.retention\.ms.*DescribeConfigs/)]);
  });

  it.each([
    ['allowed', 'topics'],
    ['dividing', 'partitions'],
  ])('needs READ on input and group, WRITE on output and transactional id, and no more: %s', async (user, given) => {
    const partitions = [{ topic: input, partition: 0 }];
    const reading = given === 'topics' ? {} : { topics: undefined, partitions };
    const stream = read(login(user), user, { commitOffsets: false, ...reading } as never);
    await new Promise<void>((resolve, reject) => {
      let records = 0;
      stream
        .pipe(
          mapRecords((value) => ({ value })),
          sendToKafka(login(user), { topic: output, groupId: groupOf(user), transactionTimeout }),
        )
        .subscribe({
          next: (batch) => {
            records += batch.records.length;
            // Not the default: on a busy machine a transaction takes longer than ten short intervals.
            if (records === 2) void stream.stop({ drainTimeout: 600_000 });
          },
          error: reject,
          complete: resolve,
        });
    });
    // A broker answers EndTxn before it has ended the transaction everywhere.
    const committed = () => committedPartitions(admin, groupOf(user), input);
    await vi.waitFor(async () => expect(await committed()).toMatchObject([{ offset: '2' }]), 300_000);
  });

  it('names a topic whose right is withdrawn while it is read', async () => {
    const { user } = withdrawn;
    const [resourceType, resourceName] = resources(user).input;
    let withdrawal: Promise<unknown> | undefined;
    const stream = read(login(user), user).pipe(
      foreachBatch((records) => {
        if (records.length === 0) return;
        const filter = { ...entry(user, 'input', 'READ'), resourceType, resourceName };
        withdrawal ??= admin.deleteAcls({ filters: [filter] });
      }),
    );
    await refused(stream, `topic "${input}"`);
    await withdrawal;
  });

  const overTls = (broker: string, ssl: KafkaConfig['ssl']) => newKafka({ brokers: [broker], ssl: ssl ?? true });
  it.each<[string, () => Kafka, RegExp]>([
    ['of an authority that is not trusted', () => overTls(cluster.tlsBrokers, true), /self.signed|unable to verify/],
    [
      'that has expired',
      () => overTls(cluster.expiredBrokers, { ca: cluster.expiredCertificate as string }),
      /expired/,
    ],
    [
      'of another host',
      () => overTls(cluster.tlsBrokers.replace('127.0.0.1', 'localhost'), { ca: cluster.certificate }),
      /localhost/,
    ],
    [
      'that the client lacks',
      () => overTls(cluster.mutualBrokers, { ca: cluster.certificate }),
      /certificate|handshake failure/,
    ],
    [
      'of the client that is not trusted, whose key is in no error',
      () => overTls(cluster.mutualBrokers, { ca: cluster.certificate, key: serverKey, cert: goodCertificate }),
      /certificate|handshake failure/,
    ],
  ])('a certificate %s: by the source and by an output', async (_, kafka, reason) => {
    const direct = newKafka({ brokers: [cluster.brokers] });
    for (const stream of [read(kafka(), 'allowed').pipe(foreachBatch(() => {})), write(direct, 'allowed', kafka())]) {
      const error = await failure(stream);
      expect(error).toBeInstanceOf(CertificateError);
      expect(error).toMatchObject({ retriable: false });
      expect((error as Error).message).toMatch(reason);
      expectNoSecret(error, keyText);
    }
  });

  it('credentials of an output that are wrong', async () => {
    const direct = newKafka({ brokers: [cluster.brokers] });
    const error = await failure(write(direct, 'allowed', login('allowed', 'pass-of-the-client')));
    expect(error).toBeInstanceOf(AuthenticationError);
    expectNoSecret(error, 'pass-of-the-client');
  });
});
