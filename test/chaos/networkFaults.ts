import type { FaultyProxy, Frame, Verdict } from '../support/faultyProxy.js';
import type { Fault, Scene } from './fault.js';

/** Fetch: what it brings has checksums, so bits of it may be flipped and every record is still known. */
const fetchKey = 1;

const apply = (name: string, change: (proxy: FaultyProxy, scene: Scene) => unknown): readonly Fault[] => [
  {
    name: `one broker: ${name}`,
    begin: async (scene) => {
      await change(scene.pick(scene.world.brokerProxies), scene);
    },
  },
  {
    name: `all brokers: ${name}`,
    begin: async (scene) => {
      for (const proxy of scene.world.brokerProxies) await change(proxy, scene);
    },
  },
];

const directions = ['up', 'down', 'both'] as const;

/** Changes one response in `every`, at random. */
const tampered =
  (random: () => number, every: number, change: (frame: Frame) => Verdict) =>
  (frame: Frame): Verdict =>
    random() < 1 / every ? change(frame) : undefined;

/** Not what a frame has, but a number that a frame might have, or could never have. */
function withWrongLength({ bytes }: Frame, random: () => number): Buffer {
  const wrong = [-1, 0, 3, 2 ** 31 - 1, bytes.length - 5, bytes.length + 3, Math.floor(random() * 2 ** 24)];
  bytes.writeInt32BE(wrong[Math.floor(random() * wrong.length)] as number, 0);
  return bytes;
}

/** What happens between the job and the brokers. */
export const networkFaults: readonly Fault[] = [
  ...apply('refuses connections', (proxy) => proxy.refuse()),
  ...apply('swallows what is sent', (proxy, { pick }) => {
    proxy.swallow = pick(directions);
  }),
  ...apply('resets connections', (proxy) => proxy.cutAll()),
  ...apply('cuts in the middle of responses', (proxy) => {
    proxy.cutRate = 0.05;
  }),
  ...apply('delays', (proxy, { random }) => {
    proxy.delayMs = 20 + random() * 1_500;
  }),
  ...apply('throttles', (proxy, { random }) => {
    proxy.bytesPerSecond = 500 + random() * 20_000;
  }),
  ...apply('sends wrong lengths', (proxy, { random }) => {
    proxy.tamper = tampered(random, 20, (frame) => withWrongLength(frame, random));
  }),
  ...apply('falls silent in the middle of responses', (proxy, { random }) => {
    proxy.tamper = tampered(random, 20, ({ bytes }) => ({
      bytes: bytes.subarray(0, Math.floor(random() * bytes.length)),
      after: 'silence',
    }));
  }),
  ...apply('flips bits of records', (proxy, { random }) => {
    proxy.tamper = tampered(random, 4, ({ apiKey, bytes }) => {
      if (apiKey !== fetchKey) return undefined;
      const at = Math.floor(random() * bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      return bytes;
    });
  }),
];
