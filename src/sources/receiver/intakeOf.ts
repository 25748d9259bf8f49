import { isObservable } from 'rxjs';
import { isAcknowledged } from './acknowledged.js';
import { PromiseIntake } from './promiseIntake.js';
import { PullIntake, pullable } from './pullIntake.js';
import { PushIntake } from './pushIntake.js';
import type { Intake, IntakeEvents, Receiver } from './receiver.js';
import { SinkIntake } from './sinkIntake.js';

/** What receives from a receiver. */
export function intakeOf<T>(receiver: Receiver<T>, events: IntakeEvents<T>): Intake {
  if (isAcknowledged<T>(receiver)) return intakeOf(receiver.source, receiver.eventsOf(events));
  if (typeof receiver === 'function') {
    return new SinkIntake(receiver, events, (source) => intakeOf(source, events));
  }
  if (isObservable(receiver)) return new PushIntake(receiver, events);
  const begin = pullable(receiver);
  if (begin) return new PullIntake(begin, events);
  if ('then' in receiver) return new PromiseIntake(receiver, events, (source) => intakeOf(source, events));
  return new PushIntake(receiver, events);
}
