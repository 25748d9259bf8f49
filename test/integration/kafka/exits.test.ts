import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildChild } from '../../crash/buildChild.js';
import { brokers, describeKafka, makeTopic, newKafka } from '../../support/kafka.js';

let child = '';
/** Nothing but a handle that was left open keeps a process alive for so long. */
const deadlineMs = 300_000;

beforeAll(async () => {
  child = await buildChild(new URL('../../support/exitChild.ts', import.meta.url));
}, 600_000);
afterAll(() => rmSync(child, { force: true }));

const begin = (broker: string, topic: string, way: string) =>
  spawn(process.execPath, [child, broker, topic, way], { stdio: ['pipe', 'pipe', 'inherit'] });

/** What it has printed by the time it exits; a process that does not is killed, and fails the test. */
async function exit(process: ChildProcess): Promise<string> {
  let printed = '';
  process.stdout?.on('data', (text) => {
    printed += text;
  });
  const killer = setTimeout(() => process.kill('SIGKILL'), deadlineMs);
  const [code, signal] = await once(process, 'exit');
  clearTimeout(killer);
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  return printed;
}

describe('a process exits by itself, with brokers that accept connections and never answer', () => {
  it.each([
    ['stop while connecting', 'complete\n'],
    ['unsubscribe while connecting', ''],
    ['fail', 'TIMED_OUT\n'],
    ['without request timeouts', 'TIMED_OUT\n'],
  ])('%s', { timeout: 600_000 }, async (way, printed) => {
    const silent = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const running = begin(`127.0.0.1:${port}`, 't', way);
    expect(await exit(running)).toBe(printed);
    silent.close();
  });
});

describe('a process exits by itself, with nobody at the address of the broker', () => {
  it.each([
    ['stop while connecting', 'complete\n'],
    ['unsubscribe while connecting', ''],
    ['fail', 'CONNECTION\n'],
  ])('%s', { timeout: 600_000 }, async (way, printed) => {
    expect(await exit(begin('127.0.0.1:1', 't', way))).toBe(printed);
  });
});

describeKafka('a process exits by itself, with a Kafka', () => {
  it.each([
    ['stop', 'complete\n'],
    ['unsubscribe', ''],
    ['stop while connecting', 'complete\n'],
    ['unsubscribe while connecting', ''],
  ])('%s', { timeout: 600_000 }, async (way, printed) => {
    const topic = await makeTopic(newKafka(), 2);
    expect(await exit(begin(brokers[0] ?? '', topic, way))).toBe(printed);
  });
});
