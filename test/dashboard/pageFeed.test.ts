import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { MonitoredStream, StreamSnapshot } from 'dstream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventStream } from '../../src/dashboard/server/eventStream.js';
import { GroupRecord } from '../../src/dashboard/server/groupRecord.js';
import { PageFeed } from '../../src/dashboard/server/pageFeed.js';
import { StreamRecord } from '../../src/dashboard/server/streamRecord.js';

/** The answer to a page, which reads when the test lets it. */
class ScriptedResponse extends EventEmitter {
  readonly written: string[] = [];
  writableLength = 0;
  writeHead(): void {}
  write(text: string): void {
    this.written.push(text);
  }
  end(): void {
    this.emit('close');
  }
  get updates(): number {
    return this.written.filter((text) => text.includes('data: ')).length;
  }
}

const snapshot: StreamSnapshot = {
  name: 'letters',
  at: 0,
  status: 'running',
  since: 0,
  recovery: undefined,
  attempt: 0,
  interval: 10,
  lastBatch: undefined,
  waiting: 0,
  open: [],
  saving: [],
  inputs: {},
  state: [],
  checkpoint: undefined,
};
const stream: MonitoredStream = {
  name: 'letters',
  attempt: 0,
  interval: 10,
  sources: {},
  checkpoint: undefined,
  now: () => 0,
  snapshot: () => snapshot,
};

describe('the feed of the pages', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function feedOf(...records: readonly StreamRecord[]) {
    const group = new GroupRecord(false);
    const feed = new PageFeed(
      new Map(records.map((record) => [record.name, record])),
      group,
      () => Date.now(),
      () => {},
    );
    const open = (wanted?: string) => {
      const response = new ScriptedResponse();
      feed.add(new EventStream(response as unknown as ServerResponse), wanted, undefined);
      return response;
    };
    return { feed, group, open };
  }

  it('sends what happens in the group of the process, also before there is a stream', () => {
    const joined = { type: 'joined', at: 0, groupId: 'g', memberId: 'm', generation: 1, tasks: [] } as const;
    for (const records of [[], [new StreamRecord(stream, 'run', false)]]) {
      const { group, open } = feedOf(...records);
      const page = open();
      vi.advanceTimersByTime(250);
      expect(page.written.join()).not.toContain('"group"');
      const before = page.updates;
      group.next(joined);
      vi.advanceTimersByTime(250);
      expect(page.updates).toBe(before + 1);
      const { group: shown } = JSON.parse(/data: (.*)/.exec(page.written.at(-1) ?? '')?.[1] ?? '{}');
      expect(shown).toMatchObject({ tasks: '', events: [{ type: 'joined' }] });
    }
  });

  it('sends at most four updates a second, however often the stream changes', () => {
    const record = new StreamRecord(stream, 'run', false);
    const run = record.watch(stream);
    const page = feedOf(record).open();
    expect(page.updates).toBe(1);
    for (let i = 0; i < 200; i++) {
      run.status?.({ status: 'running', previous: 'stalled', at: i });
      vi.advanceTimersByTime(10);
    }
    expect(page.updates).toBe(1 + 8);
  });

  it('sends an update a second while nothing happens, as ages and buffers change', () => {
    const record = new StreamRecord(stream, 'run', false);
    record.watch(stream);
    const page = feedOf(record).open();
    vi.advanceTimersByTime(10_000);
    expect(page.updates).toBe(1 + 10);
  });

  it('sends a comment each 15 s to a page whose stream has ended, or has not begun', () => {
    const record = new StreamRecord(stream, 'run', false);
    record.watch(stream).ended?.({ reason: 'stopped', at: 0 });
    const { open } = feedOf(record);
    const pages = [open(), open('other')];
    vi.advanceTimersByTime(60_000);
    for (const { written, updates } of pages) {
      expect(updates).toBe(1);
      expect(written.filter((text) => text === ':\n\n')).toHaveLength(4);
    }
  });

  it('leaves a page out while anything waits for it, and then sends the latest', () => {
    const record = new StreamRecord(stream, 'run', false);
    const run = record.watch(stream);
    const page = feedOf(record).open();
    page.writableLength = 1;
    for (let i = 0; i < 10; i++) {
      run.status?.({ status: 'running', previous: 'stalled', at: i });
      vi.advanceTimersByTime(1_000);
    }
    expect(page.updates).toBe(1);
    page.writableLength = 0;
    vi.advanceTimersByTime(250);
    expect(page.updates).toBe(2);
  });

  it('does nothing without pages, and sends what is new before an end, and nothing behind it', () => {
    const record = new StreamRecord(stream, 'run', false);
    const run = record.watch(stream);
    const { feed, open } = feedOf(record);
    const [first, second] = [open(), open()];
    expect(vi.getTimerCount()).toBe(1);
    first.emit('close');
    run.status?.({ status: 'stopping', previous: 'running', at: 0 });
    feed.close();
    expect([vi.getTimerCount(), second.updates]).toEqual([0, 2]);
    const before = second.written.length;
    vi.advanceTimersByTime(60_000);
    expect(second.written).toHaveLength(before);
  });
});
