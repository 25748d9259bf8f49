import { expect, it } from 'vitest';
import { crashReadyReceivers, kafkaKind } from '../../crash/readyReceivers.js';
import { brokers, describeKafka } from '../../support/kafka.js';
import { nightly } from '../../support/nightly.js';

// `npm run crash -- --source kafkaReceiver` makes hundreds.
describeKafka('kafkaReceiver', () => {
  it('has in its output what it committed, whenever its process is killed', async () => {
    const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
    const options = { kinds: [kafkaKind], brokers: brokers.join(','), kills: nightly ? 100 : 3, seed };
    const { kills, kinds, faults } = await crashReadyReceivers(options);
    const { acknowledged = 0, lost } = kinds[kafkaKind] ?? {};
    console.log(`${kills} kills, ${acknowledged} committed, CRASH_SEED=${seed}`);
    expect({ lost, faults }).toEqual({ lost: [], faults: [] });
    expect(acknowledged).toBeGreaterThan(10);
  });
});
