import {
  AuthenticationError,
  AuthorizationError,
  CertificateError,
  ConnectionError,
  DStreamError,
  ProtocolError,
  TimedOutError,
} from '../../../batch/errors.js';
import { coordinatorNotAvailable, kafkaErrorName } from '../protocol/errorCodes.js';
import { type RequestResources, refusedResource } from '../protocol/requestResources.js';

/** kafkajs's own default, for errors that do not say how long a request may take. */
const defaultRequestTimeoutMs = 30_000;

/** What Node calls a certificate that it does not accept, and an alert of a server that does not accept the client's. */
const certificateCode =
  /CERT|UNKNOWN_CA|UNABLE_TO_VERIFY_LEAF_SIGNATURE|HANDSHAKE_FAILURE|HOSTNAME_MISMATCH|^INVALID_(CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$/;

interface KafkaJSLikeError extends Error {
  readonly type?: string;
  readonly code?: unknown;
  readonly broker?: string;
  readonly retriable?: boolean;
}

/** The errors from the outermost to the first cause: kafkajs wraps an error when it gives up retrying. */
function chain(error: unknown): readonly KafkaJSLikeError[] {
  const found: KafkaJSLikeError[] = [];
  let next = error;
  while (next instanceof Error && !found.includes(next) && found.length < 10) {
    found.push(next);
    next = next.cause;
  }
  return found;
}

/** Turns what kafkajs throws into this library's errors. `what` is the request and `resources` what it is about. */
export function translateError(error: unknown, what: string, resources: RequestResources): DStreamError {
  const errors = chain(error);
  const ours = errors.find((one) => one instanceof DStreamError);
  if (ours) return ours;
  const cause = errors.at(-1) ?? new Error(String(error));
  const find = (test: (one: KafkaJSLikeError) => boolean) => errors.find(test);
  const broker = find((one) => one.broker !== undefined)?.broker;
  const brokers = broker === undefined ? [] : [broker];

  const sasl = find(
    (one) => /SASL/i.test(one.name) || /SASL/.test(one.type ?? '') || one.type === 'UNSUPPORTED_SASL_MECHANISM',
  );
  if (sasl) return new AuthenticationError(brokers, { cause: sasl });
  for (const one of errors) {
    const refused = refusedResource(one.type ?? '', resources);
    if (refused !== undefined) return new AuthorizationError(refused, { cause: one });
  }
  const late = find((one) => one.name === 'KafkaJSRequestTimeoutError');
  if (late) return new TimedOutError(what, defaultRequestTimeoutMs, { cause });
  const protocol = find((one) => one.name === 'KafkaJSProtocolError' && one.type !== undefined);
  if (protocol)
    return new ProtocolError(what, protocol.type ?? 'unknown', protocol.retriable === true, { cause: protocol });
  const certificate = find((one) => typeof one.code === 'string' && certificateCode.test(one.code));
  if (certificate) return new CertificateError(brokers, { cause: certificate });
  const system = find((one) => typeof one.code === 'string' && /^E[A-Z]+$/.test(one.code));
  if (system || find((one) => /Connection|Broker/.test(one.name) || one.message === 'Broker not connected'))
    return new ConnectionError(brokers, { cause });
  // kafkajs calls it final, yet raises it when no broker that it knows has answered in time.
  const unreached = find((one) => one.name === 'KafkaJSGroupCoordinatorNotFound');
  if (unreached) return new ProtocolError(what, kafkaErrorName(coordinatorNotAvailable), true, { cause: unreached });
  return new ProtocolError(what, cause.message, false, { cause });
}
