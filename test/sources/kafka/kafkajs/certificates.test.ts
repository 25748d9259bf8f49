import type { AddressInfo, Server } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { CertificateError, foreachBatch, string } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { afterEach, expect, it } from 'vitest';
import {
  expiredCertificate,
  goodCertificate,
  otherCertificate,
  serverKey,
  testAuthority,
} from '../../../support/certificates.js';

// Over real TLS, up to the certificates: no request of Kafka gets so far.

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** What a stream fails with that reads from a server with these certificates. */
async function failure(server: TlsOptions, ssl: KafkaConfig['ssl']): Promise<unknown> {
  const listening = createServer({ key: serverKey, ...server }, (socket) => socket.on('error', () => {}));
  servers.push(listening);
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  // At once: a certificate does not change while a request is tried again.
  const kafka = new Kafka({ brokers: [`localhost:${port}`], ssl: ssl ?? true, logLevel: logLevel.NOTHING });
  return new Promise((resolve, reject) => {
    kafkaBatches(kafka, { topics: ['t'], interval: 10, deserialize: string() })
      .pipe(foreachBatch(() => {}))
      .subscribe({ next: reject, error: resolve, complete: () => reject(new Error('the stream completed')) });
  });
}

it.each([
  ['of an authority that is not trusted', { cert: goodCertificate }, {}, /local issuer|self.signed|unable to verify/],
  ['that has expired', { cert: expiredCertificate }, { ca: testAuthority }, /expired/],
  [
    'that the client lacks',
    { cert: goodCertificate, ca: testAuthority, requestCert: true, rejectUnauthorized: true },
    { ca: testAuthority },
    /certificate required|handshake failure/,
  ],
  ['of another host', { cert: otherCertificate }, { ca: testAuthority }, /other\.example/],
])('a certificate %s is told as such, and not as a lost connection', async (_, server, ssl, reason) => {
  const error = await failure(server, ssl);
  expect(error).toBeInstanceOf(CertificateError);
  expect((error as CertificateError).retriable).toBe(false);
  expect((error as CertificateError).message).toMatch(/^ssl: the certificate of brokers \(localhost:\d+\)/);
  expect((error as CertificateError).message).toMatch(reason);
});
