import { createRequire } from 'node:module';
import { TimedOutError } from 'dstream';
import { describe, expect, it } from 'vitest';
import { translateError } from '../../../../src/sources/kafka/kafkajs/translateError.js';

// kafkajs does not export all of its errors; the ones it really throws are what has to be understood.
const errors = createRequire(import.meta.url)('kafkajs/src/errors.js');
const translate = (error: unknown) => translateError(error, 'Fetch', 'topic "t"');

describe('translateError', () => {
  it('says how long a request may take, and never 0 ms', () => {
    const late = new errors.KafkaJSRequestTimeoutError('late', { broker: 'b:1', pendingDuration: 0 });
    expect(translate(late)).toMatchObject({ code: 'TIMED_OUT', limit: 30_000, retriable: true });
    const ours = new TimedOutError('Fetch of broker b:1', 300);
    expect(translate(new errors.KafkaJSNumberOfRetriesExceeded(ours, { retryCount: 5, retryTime: 1 }))).toBe(ours);
  });

  it.each([
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'CERT_HAS_EXPIRED',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  ])('calls %s a certificate that was refused, which does not pass', (code) => {
    const refused = new errors.KafkaJSConnectionError('Connection error: no', { broker: 'b:1', code });
    expect(translate(refused)).toMatchObject({ code: 'CERTIFICATE', brokers: ['b:1'], retriable: false });
  });

  it('looks through what kafkajs wraps around an error once it gives up', () => {
    const refused = new errors.KafkaJSConnectionError('refused', { broker: 'b:1', code: 'ECONNREFUSED' });
    const wrapped = new errors.KafkaJSNumberOfRetriesExceeded(refused, { retryCount: 5, retryTime: 1 });
    expect(translate(wrapped)).toMatchObject({ code: 'CONNECTION', brokers: ['b:1'], retriable: true });
    const sasl = new errors.KafkaJSSASLAuthenticationError('wrong');
    expect(translate(new errors.KafkaJSNonRetriableError(sasl, { cause: sasl }))).toMatchObject({
      code: 'AUTHENTICATION',
      retriable: false,
    });
  });

  it.each([
    ['TOPIC_AUTHORIZATION_FAILED', 'topic "out"'],
    ['GROUP_AUTHORIZATION_FAILED', 'group "jobs"'],
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'transactional id "jobs-1"'],
    ['CLUSTER_AUTHORIZATION_FAILED', 'the cluster'],
    ['DELEGATION_TOKEN_AUTHORIZATION_FAILED', 'transactional id "jobs-1", group "jobs", topic "out"'],
  ])('names what %s is about, of all that a request is about', (type, resource) => {
    const cause = new errors.KafkaJSProtocolError({ message: type, type, code: 0, retriable: false });
    const about = { topics: ['out'], group: 'jobs', transactionalId: 'jobs-1' };
    for (const error of [cause, new errors.KafkaJSNonRetriableError(cause, { cause })]) {
      const found = translateError(error, 'Produce', about);
      expect(found).toMatchObject({ code: 'AUTHORIZATION', resource, retriable: false });
    }
  });

  it('tells what a user may not do from what may pass', () => {
    const protocol = (type: string, retriable: boolean) =>
      new errors.KafkaJSProtocolError({ message: type, type, code: 0, retriable });
    expect(translate(protocol('TOPIC_AUTHORIZATION_FAILED', false))).toMatchObject({ code: 'AUTHORIZATION' });
    expect(translate(protocol('NOT_LEADER_FOR_PARTITION', true))).toMatchObject({ code: 'PROTOCOL', retriable: true });
    expect(translate(new errors.KafkaJSGroupCoordinatorNotFound('Failed to find group coordinator'))).toMatchObject({
      kafkaError: 'COORDINATOR_NOT_AVAILABLE',
      retriable: true,
    });
    expect(translate(new RangeError('4 bytes do not fit'))).toMatchObject({ code: 'PROTOCOL', retriable: false });
  });
});
