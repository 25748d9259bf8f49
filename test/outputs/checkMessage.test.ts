import { describe, expect, it } from 'vitest';
import { checkMessage } from '../../src/outputs/kafka/checkMessage.js';
import type { OutputMessage } from '../../src/outputs/kafka/outputMessage.js';

const messageOf = (fields: object) => fields as OutputMessage;

describe('checkMessage', () => {
  it.each<[string, object]>([
    ['text', { value: 'v' }],
    ['bytes', { key: Buffer.from('k'), value: new Uint8Array([1]) }],
    ['a tombstone', { key: 'k', value: null }],
    [
      'everything',
      {
        key: null,
        value: 'v',
        partition: 0,
        timestamp: '1764000000000',
        headers: { a: ['1', Buffer.from('2')], b: undefined },
      },
    ],
  ])('takes %s', (_, fields) => {
    expect(() => checkMessage('sendToKafka', messageOf(fields))).not.toThrow();
  });

  it.each<[string, unknown]>([
    ['is no object with a `value`', 'text'],
    ['is no object with a `value`', null],
    ['has no `value`; null is a tombstone', { key: 'k' }],
    ['has a `value` that is neither text nor bytes', { value: 3 }],
    ['has a `value` that is neither text nor bytes', { value: { price: 3 } }],
    ['has a `key` that is neither text nor bytes', { key: 3, value: 'v' }],
    ['has a `partition` that is no integer of at least 0', { partition: 1.5, value: 'v' }],
    ['has a `partition` that is no integer of at least 0', { partition: -1, value: 'v' }],
    ['has a `timestamp` that is not in milliseconds since the epoch', { timestamp: 'today', value: 'v' }],
    ['has a header "a" that is neither text nor bytes', { headers: { a: 3 }, value: 'v' }],
    ['has a header "a" that is neither text nor bytes', { headers: { a: ['1', 2] }, value: 'v' }],
  ])('refuses what %s', (rule, record) => {
    const check = () => checkMessage('sendToKafka', record as OutputMessage);
    expect(check).toThrow(expect.objectContaining({ code: 'INVALID_RECORD', message: expect.stringContaining(rule) }));
  });
});
