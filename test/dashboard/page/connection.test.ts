import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Connection } from '../../../src/dashboard/page/connection.js';
import type { StreamView } from '../../../src/dashboard/wire/streamView.js';

/** An EventSource that does what the test calls. */
class ScriptedSource {
  static readonly CLOSED = 2;
  readyState = 0;
  onopen?: () => void;
  onmessage?: (event: { readonly data: string; readonly lastEventId: string }) => void;
  onerror?: () => void;

  constructor(readonly url: string) {
    sources.push(this);
  }

  close(): void {
    this.readyState = ScriptedSource.CLOSED;
  }

  tell(status?: StreamView['status']): void {
    const data = JSON.stringify({ streams: [], view: status && { status }, rows: [], failures: [] });
    this.onmessage?.({ data, lastEventId: 'run.1' });
  }

  /** The answer is no event stream, as behind a proxy without its server: the EventSource gives up. */
  refuse(): void {
    this.close();
    this.onerror?.();
  }
}

const sources: ScriptedSource[] = [];

describe('the connection of the page', () => {
  let answerHead: (status: number) => Promise<void>;
  let events: unknown[];
  let connection: Connection;
  const open = () => sources.filter(({ readyState }) => readyState !== ScriptedSource.CLOSED);
  const last = () => sources.at(-1) as ScriptedSource;

  beforeEach(() => {
    vi.useFakeTimers();
    sources.length = 0;
    events = [];
    const heads: ((response: { readonly status: number }) => void)[] = [];
    answerHead = async (status) => {
      heads.shift()?.({ status });
      await vi.advanceTimersByTimeAsync(0);
    };
    vi.stubGlobal('EventSource', ScriptedSource);
    vi.stubGlobal('fetch', () => new Promise((resolve) => heads.push(resolve)));
    connection = new Connection({
      update: ({ view }) => events.push(view?.status),
      state: (...state) => events.push(state),
    });
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('tries again, later each time, after an answer that is no event stream', async () => {
    connection.follow('letters');
    for (const delay of [1_000, 2_000, 4_000]) {
      const tried = sources.length;
      last().refuse();
      await answerHead(502);
      vi.advanceTimersByTime(delay - 1);
      expect(sources.length).toBe(tried);
      vi.advanceTimersByTime(1);
      expect(sources.length).toBe(tried + 1);
    }
    expect(open()).toHaveLength(1);
    expect(events).toEqual(Array(3).fill(['offline']));
  });

  it('has one stream when another one is followed while it asks why it was refused', async () => {
    connection.follow('letters');
    last().refuse();
    connection.follow('numbers');
    await answerHead(502);
    vi.advanceTimersByTime(4_000);
    expect(open().map(({ url }) => url)).toEqual(['api/events?stream=numbers']);
    expect(events).toEqual([]);
  });

  it('has one stream when each of two refused ones is asked why', async () => {
    connection.follow('letters');
    last().refuse();
    connection.follow('numbers');
    last().refuse();
    await answerHead(502);
    await answerHead(502);
    vi.advanceTimersByTime(1_000);
    expect(open()).toHaveLength(1);
    expect(sources).toHaveLength(3);
  });

  it('has one stream when the page becomes visible while it asks or waits, and none while it is hidden', async () => {
    connection.follow('letters');
    last().refuse();
    connection.show(true);
    await answerHead(502);
    vi.advanceTimersByTime(1_000);
    expect(open()).toHaveLength(1);

    last().refuse();
    await answerHead(502);
    connection.show(true);
    vi.advanceTimersByTime(60_000);
    expect(open()).toHaveLength(1);

    last().refuse();
    connection.show(false);
    await answerHead(502);
    vi.advanceTimersByTime(60_000);
    expect(open()).toEqual([]);
  });

  it('says each second that nothing arrives, from 5 s without an update on, until one does', () => {
    connection.follow('letters');
    last().onopen?.();
    for (let i = 0; i < 4; i++) {
      vi.advanceTimersByTime(1_000);
      last().tell('running');
    }
    vi.advanceTimersByTime(4_000);
    expect(events).toEqual([['online'], ...Array(4).fill('running')]);
    events.length = 0;
    vi.advanceTimersByTime(3_000);
    expect(events).toEqual([5_000, 6_000, 7_000].map((ms) => ['silent', ms]));
    last().tell('running');
    expect(events.slice(3)).toEqual([['online'], 'running']);
  });

  it('says that nothing arrives where a process takes the connection and does not answer', () => {
    connection.follow('letters');
    vi.advanceTimersByTime(5_000);
    expect(events).toEqual([['silent', 5_000]]);
  });

  it.each([undefined, 'stopped', 'failed'] as const)('expects nothing of a stream that is %s', (status) => {
    connection.follow('letters');
    last().onopen?.();
    last().tell(status);
    vi.advanceTimersByTime(60_000);
    expect(events).toEqual([['online'], status]);
    connection.follow('numbers');
    vi.advanceTimersByTime(5_000);
    expect(events.at(-1)).toEqual(['silent', 5_000]);
  });

  it('replaces a connection that may be dead, and goes on where it was', () => {
    connection.follow('letters');
    last().onopen?.();
    last().tell('running');
    vi.advanceTimersByTime(31_000);
    expect(sources).toHaveLength(2);
    expect(open().map(({ url }) => url)).toEqual(['api/events?stream=letters&after=run.1']);
    expect(events.at(-1)).toEqual(['silent', 31_000]);
  });

  it('does not call silent what is offline, or hidden, or has just become visible', () => {
    connection.follow('letters');
    last().onopen?.();
    last().tell('running');
    last().onerror?.();
    vi.advanceTimersByTime(60_000);
    expect(events).toEqual([['online'], 'running', ['offline']]);
    connection.show(false);
    vi.advanceTimersByTime(60_000);
    connection.show(true);
    vi.advanceTimersByTime(4_000);
    expect(events).toHaveLength(3);
  });
});
