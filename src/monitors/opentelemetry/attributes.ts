import type { Attributes } from '@opentelemetry/api';
import type { SourceClient } from '../../batch/monitoring/streamSnapshot.js';
import { attribute, deprecatedNames } from './semconv.js';

/** Leaves out what is `undefined`, and adds the deprecated names where they are wanted. */
export type Complete = (attributes: Attributes) => Attributes;

/** `duplicate`: with `messaging/dup`. */
export function completeAttributes(duplicate: boolean): Complete {
  return (attributes) => {
    const complete: Attributes = {};
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined) continue;
      complete[name] = value;
      const deprecated = deprecatedNames[name];
      if (duplicate && deprecated !== undefined) complete[deprecated] = value;
    }
    return complete;
  };
}

export function clientAttributes({ system, clientId, clusterId, groupId }: SourceClient): Attributes {
  return {
    [attribute.system]: system,
    [attribute.clientId]: clientId,
    [attribute.kafkaClusterId]: clusterId,
    [attribute.consumerGroup]: groupId,
  };
}

/** The one value that all have; `undefined` if they differ, or there are no values. */
export function only<T>(values: Iterable<T>): T | undefined {
  const [value, ...others] = new Set(values);
  return others.length === 0 ? value : undefined;
}
