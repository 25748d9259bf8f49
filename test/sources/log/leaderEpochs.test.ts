import { describe, expect, it } from 'vitest';
import { LeaderEpochs } from '../../../src/sources/log/leaderEpochs.js';

const of = (...starts: readonly (readonly [leaderEpoch: number, offset: number])[]) => {
  const epochs = new LeaderEpochs();
  epochs.add(starts.map(([leaderEpoch, offset]) => ({ leaderEpoch, offset })));
  return epochs;
};
const epochsAt = (epochs: LeaderEpochs, ...offsets: readonly number[]) =>
  offsets.map((offset) => epochs.before(offset));

describe('leader epochs', () => {
  it('are those of the last record batch before an offset', () => {
    expect(epochsAt(of([1, 10], [4, 20]), 9, 10, 11, 20, 21, 99)).toEqual([undefined, undefined, 1, 1, 4, 4]);
  });

  it('rise: what does not is no new epoch', () => {
    const epochs = of([1, 10], [4, 20]);
    epochs.add([{ leaderEpoch: 4, offset: 30 }]);
    epochs.add([{ leaderEpoch: 3, offset: 40 }]);
    expect(epochsAt(epochs, 41)).toEqual([4]);
  });

  it('end where the log was cut', () => {
    const epochs = of([1, 10], [4, 20]);
    epochs.cutAt(20);
    epochs.add([{ leaderEpoch: 5, offset: 20 }]);
    expect(epochsAt(epochs, 20, 21)).toEqual([1, 5]);
  });

  it('are forgotten when no offset needs them', () => {
    const epochs = of([1, 10], [4, 20], [6, 30]);
    epochs.forgetBefore(25);
    expect(epochsAt(epochs, 20, 25, 31)).toEqual([undefined, 4, 6]);
  });
});
