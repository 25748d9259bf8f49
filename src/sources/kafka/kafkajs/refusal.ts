import { isRetriable, kafkaErrorName, notCoordinator } from '../protocol/errorCodes.js';

/** The error for a code in a response, as kafkajs knows what to do about it: it looks for another leader or coordinator, or tries again. */
export function refusal(request: string, code: number): Error {
  const type = code === notCoordinator ? 'NOT_COORDINATOR_FOR_GROUP' : kafkaErrorName(code);
  const message = `${request}: ${type}`;
  return Object.assign(new Error(message), { name: 'KafkaJSProtocolError', type, retriable: isRetriable(code) });
}
