import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DrawQueue } from '../../../src/dashboard/page/view/drawQueue.js';

describe('DrawQueue', () => {
  const frames: (() => void)[] = [];

  beforeEach(() => {
    frames.length = 0;
    vi.stubGlobal('requestAnimationFrame', (frame: () => void) => frames.push(frame));
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const part = (drawn: string[], name: string) => () => void drawn.push(name);

  /** Runs the frame that was asked for. */
  const frame = () => frames.shift()?.();

  it('draws one part in each frame', () => {
    const drawn: string[] = [];
    const queue = new DrawQueue(...['a', 'b', 'c'].map((name) => part(drawn, name)));
    queue.request();
    frame();
    expect(drawn.join('')).toBe('a');
    frame();
    expect(drawn.join('')).toBe('ab');
    frame();
    expect(drawn.join('')).toBe('abc');
    expect(frames).toEqual([]);
  });

  it('draws every part once more after a request, goes on in turn, and asks for one frame at a time', () => {
    const drawn: string[] = [];
    const queue = new DrawQueue(...['a', 'b', 'c'].map((name) => part(drawn, name)));
    queue.request();
    frame();
    queue.request();
    expect(frames.length).toBe(1);
    while (frames.length > 0) frame();
    expect(drawn.join('')).toBe('abca');
  });

  it('goes on as long as a part asks for it, the last one too, with one frame at a time', () => {
    const drawn: string[] = [];
    let more = 2;
    const asking = () => {
      drawn.push('b');
      if (more-- > 0) queue.request();
    };
    const queue: DrawQueue = new DrawQueue(part(drawn, 'a'), asking);
    queue.request();
    while (frames.length > 0) {
      expect(frames.length).toBe(1);
      frame();
    }
    expect(drawn.join('')).toBe('ababab');
  });

  it('draws the others where a part throws', () => {
    const drawn: string[] = [];
    const broken = () => {
      throw new Error('broken');
    };
    const queue = new DrawQueue(part(drawn, 'a'), broken, part(drawn, 'c'));
    queue.request();
    frame();
    expect(frame).toThrow('broken');
    frame();
    expect(drawn.join('')).toBe('ac');
    queue.request();
    frame();
    expect(frame).toThrow('broken');
    expect(drawn.join('')).toBe('aca');
  });
});
