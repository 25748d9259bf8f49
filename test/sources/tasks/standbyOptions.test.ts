import { InvalidOptionError } from 'dstream';
import { kafkaBatches, kafkaTasks, kafkaTasksFrom } from 'dstream/kafka';
import { expect, it } from 'vitest';
import { newKafka } from '../../support/kafka.js';

const kafka = newKafka({ brokers: ['localhost:1'] });
const options = { topics: ['t'], groupId: 'g', interval: 10, deserialize: () => '' };
const both = { ...options, standbys: 1, membership: 'exclusive' } as never;

it.each([
  ['kafkaBatches', () => kafkaBatches(kafka, both)],
  ['kafkaTasks', () => kafkaTasks(kafka, both)],
  ['kafkaTasksFrom', () => kafkaTasksFrom(kafka, {}, both)],
])('of %s are refused beside membership, with an error that names both', (_, make) => {
  expect(make).toThrow(InvalidOptionError);
  expect(make).toThrow(/: standbys \(1\) cannot be set with membership \("exclusive"\): .*kafkaTasks.*kafkaBatches/);
});

it('are unknown to kafkaBatches without membership, as membership is to kafkaTasks', () => {
  expect(() => kafkaBatches(kafka, { ...options, standbys: 1 } as never)).toThrow('standbys (1) is not an option');
  expect(() => kafkaTasks(kafka, { ...options, membership: 'exclusive' } as never)).toThrow(
    'membership ("exclusive") is not an option',
  );
});
