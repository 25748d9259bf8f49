import { topicList } from './topicList.js';

/** What a request is about, by kind, since rights are on one of them; or, as text, where there is only one kind. */
export type RequestResources =
  | string
  | {
      readonly topics?: readonly string[];
      readonly group?: string;
      readonly transactionalId?: string;
    };

/**
 * What the user lacks a right on, by Kafka's name for the error, such as `TOPIC_AUTHORIZATION_FAILED`; `undefined` for an error of
 * another kind.
 */
export function refusedResource(kafkaError: string, resources: RequestResources): string | undefined {
  const [, kind] = /^(.+)_AUTHORIZATION_FAILED$/.exec(kafkaError) ?? [];
  if (kind === undefined) return undefined;
  if (kind === 'CLUSTER') return 'the cluster';
  if (typeof resources === 'string') return resources;
  const { topics, group, transactionalId } = resources;
  if (kind === 'TOPIC' && topics) return topicList(topics);
  if (kind === 'GROUP' && group !== undefined) return groupName(group);
  if (kind === 'TRANSACTIONAL_ID' && transactionalId !== undefined) return transactionalIdName(transactionalId);
  return describeResources(resources);
}

/** All that a request is about, for messages. */
export function describeResources(resources: RequestResources): string {
  if (typeof resources === 'string') return resources;
  const { topics, group, transactionalId } = resources;
  const named = [
    ...(transactionalId === undefined ? [] : [transactionalIdName(transactionalId)]),
    ...(group === undefined ? [] : [groupName(group)]),
    ...(topics ? [topicList(topics)] : []),
  ];
  return named.join(', ');
}

function groupName(groupId: string): string {
  return `group "${groupId}"`;
}

function transactionalIdName(id: string): string {
  return `transactional id "${id}"`;
}
