// Starts real Kafka brokers on loopback: for the integration tests and benchmarks. Uses nothing but Node itself.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './free-ports.mjs';
import { jars } from './maven.mjs';

const version = '4.1.0';
/** How long a broker may take to start: on a busy machine minutes. */
const ready = 600_000;
/** Controller, and a listener of each kind. */
const portsOfNode = 7;
/** Of a key that lives as long as its broker. */
const storePassword = 'password';

const kafka = jars({
  name: 'Kafka',
  version,
  directory: '.kafka',
  artifacts: [
    ['org.apache.kafka', 'kafka_2.13', version],
    ['org.apache.kafka', 'kafka-tools', version],
    ['org.slf4j', 'slf4j-simple', '1.7.36'],
  ],
});

/** Why no broker can be started here; `undefined` when one can. */
export const whyNoBroker = kafka.whyNot;

/** Copies Kafka's jars with Maven, once. Returns the class path. */
export const ensureKafka = kafka.ensure;

const heap = ['-Xms256m', '-Xmx768m'];
/** A broker of a test lives for a minute: the compiler for servers, and more than one collector thread, cost it more than they save. */
const quickly = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/** Where the classes of a broker are, loaded and checked, for the next broker. */
const archiveOf = (classpath) => join(dirname(dirname(classpath)), 'classes.jsa');

/**
 * Saves the classes that a broker loads, once: with them a start takes a third of the processor time, and tests start dozens. A Java
 * that saves none starts its brokers as before.
 */
async function ensureArchive(classpath) {
  const archive = archiveOf(classpath);
  if (existsSync(archive)) return;
  const written = `${archive}.${process.pid}`;
  const trained = await launch(classpath, { jvm: quickly, archive: written });
  await trained.nodes[0].kill('SIGTERM');
  await trained.stop();
  if (existsSync(written)) renameSync(written, archive);
}

/**
 * Starts a cluster of brokers that are controllers too, on free ports. Each also has a listener that wants SASL/PLAIN
 * (password "secret"), and one with TLS. With `proxy` there is one more, without encryption, behind a proxy: `proxy` is
 * called with the port of each broker's listener, and returns the port that the broker tells its clients. With `guarded` an authorizer lets
 * users of the SASL listener do only what ACLs allow (the other listeners may do everything), and two more listeners have TLS: one with a
 * certificate that has expired, and one that wants a certificate of the client. With `longLived` the JVM is as Kafka's users run it, which is
 * faster once it has run for a while: for benchmarks.
 *
 * @param {{ nodes?: number, properties?: Record<string, string | number>, proxy?: (port: number) => Promise<number>,
 *   users?: readonly string[], guarded?: boolean, longLived?: boolean }} [options]
 */
export async function startKafka({ longLived = false, ...options } = {}) {
  // Java compares the path with that of the archive by its text.
  const classpath = join(realpathSync(dirname(ensureKafka())), '*');
  if (longLived) return launch(classpath, options);
  await ensureArchive(classpath);
  return launch(classpath, { ...options, jvm: [...quickly, `-XX:SharedArchiveFile=${archiveOf(classpath)}`] });
}

/** Another process may take a port after it was found free: then with others. */
async function launch(classpath, options) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launchOnce(classpath, options);
    } catch (error) {
      if (attempt === 3 || !/Address already in use/.test(error.message)) throw error;
    }
  }
}

/** `jvm`: flags of all processes; `archive`: the file for the classes that a broker has loaded when it ends. */
async function launchOnce(
  classpath,
  { nodes = 1, properties = {}, proxy, users = ['reader'], guarded = false, jvm = [], archive },
) {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-kafka-'));
  const clusterId = clusterIdOf(randomBytes(16));
  const ports = await freePorts(nodes * portsOfNode);
  const members = Array.from({ length: nodes }, (_, i) => {
    return { id: i + 1, ports: ports.slice(i * portsOfNode, (i + 1) * portsOfNode) };
  });
  const advertised = proxy ? await Promise.all(members.map(({ ports }) => proxy(ports[4]))) : [];
  const voters = members.map(({ id, ports: [controller] }) => `${id}@127.0.0.1:${controller}`).join(',');
  const { certificate, keystore } = selfSigned(directory, 'keystore');
  const expired = guarded ? selfSigned(directory, 'expired', '-startdate', '-60d') : undefined;
  const started = members.map((member, i) =>
    node({
      ...member,
      advertised: advertised[i],
      voters,
      nodes,
      classpath,
      directory,
      clusterId,
      keystore,
      users,
      properties: { ...(expired && guards(directory, certificate, expired.keystore)), ...properties },
      guarded,
      jvm,
      archive,
    }),
  );
  const stop = async () => {
    await Promise.all(started.map((one) => one.kill('SIGKILL')));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    for (const one of started) one.format();
    await Promise.all(started.map((one) => one.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    brokers: started.map((one) => one.address).join(','),
    saslBrokers: started.map((one) => one.saslAddress).join(','),
    tlsBrokers: started.map((one) => one.tlsAddress).join(','),
    /** With `guarded`: where the certificate has expired, and where the client needs one. */
    expiredBrokers: started.map((one) => one.expiredAddress).join(','),
    mutualBrokers: started.map((one) => one.mutualAddress).join(','),
    /** Behind the proxies, where there are any. */
    proxiedBrokers: advertised.map((port) => `127.0.0.1:${port}`).join(','),
    /** The certificate of the brokers, PEM, and the one that has expired. */
    certificate,
    expiredCertificate: expired?.certificate,
    /** By place in the list: `kill(signal)` and `start()` again. */
    nodes: started,
    classpath,
    stop,
  };
}

/** A cluster id never begins with `-`, which Kafka's tools would take for an option: the first bit of the first byte is cleared. */
export function clusterIdOf(bytes) {
  return Buffer.from([bytes[0] & 0x7f, ...bytes.subarray(1)]).toString('base64url');
}

/** Of an authorizer, and of the listeners with TLS that refuse. */
function guards(directory, certificate, expiredKeystore) {
  const truststore = join(directory, 'trusted.pem');
  writeFileSync(truststore, certificate);
  return {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    ...keys('expired', expiredKeystore),
    ...keys('mutual', join(directory, 'keystore.p12')),
    'listener.name.mutual.ssl.client.auth': 'required',
    'listener.name.mutual.ssl.truststore.type': 'PEM',
    'listener.name.mutual.ssl.truststore.location': truststore,
  };
}

/** The key of a listener. */
function keys(listener, keystore) {
  return {
    [`listener.name.${listener}.ssl.keystore.location`]: keystore,
    [`listener.name.${listener}.ssl.keystore.type`]: 'PKCS12',
    [`listener.name.${listener}.ssl.keystore.password`]: storePassword,
    [`listener.name.${listener}.ssl.key.password`]: storePassword,
  };
}

/** A certificate for 127.0.0.1 by itself, and the key store of Java that it is in with its key. */
function selfSigned(directory, name, ...validFrom) {
  const keystore = join(directory, `${name}.p12`);
  const keytool = (command, ...args) => {
    const store = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', storePassword, '-alias', 'broker'];
    const jvm = quickly.map((flag) => `-J${flag}`);
    const { status, stdout, stderr } = spawnSync('keytool', [...jvm, command, ...store, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the certificate of the brokers could not be made: ${stdout}${stderr}`);
    return stdout;
  };
  const subject = ['-dname', 'CN=broker', '-ext', 'san=ip:127.0.0.1'];
  keytool('-genkeypair', '-keyalg', 'EC', ...subject, '-validity', '30', ...validFrom);
  return { keystore, certificate: keytool('-exportcert', '-rfc') };
}

function node({
  id,
  ports,
  advertised,
  voters,
  nodes,
  classpath,
  directory,
  clusterId,
  keystore,
  users,
  properties,
  guarded,
  jvm,
  archive,
}) {
  const [controller, plain, sasl, tls, proxied, expired, mutual] = ports;
  const config = join(directory, `server-${id}.properties`);
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  const replicas = Math.min(nodes, 3);
  const guarding = guarded ? `,EXPIRED://127.0.0.1:${expired},MUTUAL://127.0.0.1:${mutual}` : '';
  const listeners = `PLAINTEXT://127.0.0.1:${plain},SASL://127.0.0.1:${sasl},TLS://127.0.0.1:${tls}${guarding}`;
  const logins = users.map((user) => `user_${user}="secret"`).join(' ');
  /** The listener behind a proxy, at the port where it listens or where clients are to find it. */
  const behindProxy = (port) => (advertised === undefined ? '' : `,PROXIED://127.0.0.1:${port}`);
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters,
    listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}${behindProxy(proxied)}`,
    'advertised.listeners': `${listeners}${behindProxy(advertised)}`,
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT,EXPIRED:SSL,MUTUAL:SSL',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl.plain.sasl.jaas.config': `${login} required ${logins};`,
    ...keys('tls', keystore),
    'log.dirs': join(directory, `data-${id}`),
    'num.partitions': 1,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': 1,
    'min.insync.replicas': 1,
    'default.replication.factor': replicas,
    'group.initial.rebalance.delay.ms': 0,
    // A member that was killed keeps its group waiting until its session ends.
    'group.min.session.timeout.ms': 500,
    'broker.session.timeout.ms': 6_000,
    'message.max.bytes': 8_388_608,
    'log.cleaner.backoff.ms': 500,
    'log.retention.check.interval.ms': 1_000,
    'auto.create.topics.enable': false,
    ...properties,
  };
  const configure = () => {
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(config, lines.join(''));
  };
  configure();
  const java = (...args) => [...jvm, '-cp', classpath, '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', ...args];
  let child;
  let output = '';
  const address = `127.0.0.1:${plain}`;
  return {
    id,
    address,
    saslAddress: `127.0.0.1:${sasl}`,
    tlsAddress: `127.0.0.1:${tls}`,
    expiredAddress: `127.0.0.1:${expired}`,
    mutualAddress: `127.0.0.1:${mutual}`,
    get pid() {
      return child?.pid;
    },
    /** At the next start the broker tells clients of the listener behind a proxy this port. */
    advertise(port) {
      settings['advertised.listeners'] = `${listeners}${behindProxy(port)}`;
      configure();
    },
    format() {
      const args = java('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config);
      const { status, stderr } = spawnSync('java', args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`Kafka's storage could not be formatted: ${stderr}`);
    },
    async start() {
      const flags = archive === undefined ? heap : [...heap, `-XX:ArchiveClassesAtExit=${archive}`];
      child = spawn('java', [...flags, ...java('kafka.Kafka', config)], { stdio: ['ignore', 'pipe', 'pipe'] });
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (text) => {
          output = (output + text).slice(-4_000);
        });
      }
      const deadline = Date.now() + ready;
      while (!(await canConnect(plain))) {
        if (child.exitCode !== null || Date.now() > deadline) throw new Error(`Kafka did not start: ${output}`);
        await sleep(100);
      }
    },
    async kill(signal = 'SIGTERM') {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await gone;
    },
  };
}

/** The port opens before the broker serves: a request that it answers is what counts. */
function canConnect(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    // ApiVersions, version 0, correlation id 1, no client id.
    const request = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255]);
    socket.setTimeout(1_000, () => settle(false));
    socket.on('connect', () => socket.write(request));
    socket.on('data', () => settle(true));
    socket.on('error', () => settle(false));
    socket.on('close', () => settle(false));
  });
}

/** A broker in a container, when a docker engine answers. */
export async function startInDocker() {
  const answers = await new Promise((resolve) =>
    execFile('docker', ['info'], { timeout: 5_000 }, (error) => resolve(!error)),
  );
  if (!answers) return undefined;
  const [port] = await freePorts(1);
  const env = {
    KAFKA_NODE_ID: 1,
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:29093',
    KAFKA_LISTENERS: `PLAINTEXT://0.0.0.0:${port},CONTROLLER://0.0.0.0:29093`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: 1,
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: 1,
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: 1,
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: 0,
    KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: 500,
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: false,
  };
  const settings = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const args = ['run', '-d', '--rm', '-p', `127.0.0.1:${port}:${port}`, ...settings, `apache/kafka:${version}`];
  const { status, stdout } = spawnSync('docker', args, { encoding: 'utf8' });
  if (status !== 0) return undefined;
  const container = stdout.trim();
  const stop = async () => void spawnSync('docker', ['kill', container], { stdio: 'ignore' });
  const deadline = Date.now() + ready;
  while (!(await canConnect(port))) {
    if (Date.now() > deadline) {
      await stop();
      throw new Error('Kafka did not start in its container');
    }
    await sleep(200);
  }
  return { brokers: `127.0.0.1:${port}`, stop };
}
