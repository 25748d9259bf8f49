/** Topics, as messages name them. */
export function topicList(topics: readonly string[]): string {
  return `${topics.length === 1 ? 'topic' : 'topics'} ${topics.map((topic) => `"${topic}"`).join(', ')}`;
}
