import { describe, expect, it, vi } from 'vitest';
import { ownCopy, unowned } from '../../../src/state/kafka/ownedCopies.js';

describe('a copy that its process owns', () => {
  it('is waited for until it is closed, or for a while', async () => {
    vi.useFakeTimers();
    try {
      const disown = ownCopy('here');
      const waited: string[] = [];
      const { signal } = new AbortController();
      void unowned('here', signal, 1_000).then(() => waited.push('short'));
      void unowned('here', signal).then(() => waited.push('default'));
      await vi.advanceTimersByTimeAsync(999);
      expect(waited).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(waited).toEqual(['short']);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(waited).toEqual(['short', 'default']);
      const last = unowned('here', signal);
      disown();
      await last;
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
