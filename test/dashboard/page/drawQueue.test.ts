import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DrawQueue } from '../../../src/dashboard/page/view/drawQueue.js';

describe('DrawQueue', () => {
  let now = 0;
  const frames: ((dueAt: number) => void)[] = [];

  beforeEach(() => {
    now = 0;
    frames.length = 0;
    vi.stubGlobal('requestAnimationFrame', (frame: (dueAt: number) => void) => frames.push(frame));
    vi.spyOn(performance, 'now').mockImplementation(() => now);
  });

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  /** A part that is drawn in this many ms. */
  function part(drawn: string[], name: string, ms = 0): () => void {
    return () => {
      drawn.push(name);
      now += ms;
    };
  }

  /** Runs the frame that was asked for, this late. */
  function frame(late = 0): void {
    const dueAt = now;
    now += late;
    frames.shift()?.(dueAt);
  }

  it('draws what fits into a frame, and the rest in the next ones', () => {
    const drawn: string[] = [];
    const queue = new DrawQueue(...['a', 'b', 'c', 'd', 'e'].map((name) => part(drawn, name, 3)));
    queue.request();
    frame();
    expect(drawn.join('')).toBe('ab');
    frame();
    expect(drawn.join('')).toBe('abcd');
    frame();
    expect(drawn.join('')).toBe('abcde');
    expect(frames).toEqual([]);
  });

  it('draws one part where the frame is late', () => {
    const drawn: string[] = [];
    const queue = new DrawQueue(part(drawn, 'a'), part(drawn, 'b'));
    queue.request();
    frame(50);
    expect(drawn.join('')).toBe('a');
    frame();
    expect(drawn.join('')).toBe('ab');
  });

  it('draws every part once more after a request, goes on in turn, and asks for one frame at a time', () => {
    const drawn: string[] = [];
    const queue = new DrawQueue(...['a', 'b', 'c'].map((name) => part(drawn, name, 5)));
    queue.request();
    frame();
    queue.request();
    expect(frames.length).toBe(1);
    while (frames.length > 0) frame();
    expect(drawn.join('')).toBe('abca');
  });

  it('draws the others where a part throws', () => {
    const drawn: string[] = [];
    const broken = () => {
      throw new Error('broken');
    };
    const queue = new DrawQueue(part(drawn, 'a'), broken, part(drawn, 'c'));
    queue.request();
    expect(() => frame()).toThrow('broken');
    frame();
    expect(drawn.join('')).toBe('ac');
    queue.request();
    expect(() => frame()).toThrow('broken');
    expect(drawn.join('')).toBe('aca');
  });
});
