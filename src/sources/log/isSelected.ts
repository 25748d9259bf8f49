/** Whether `topics` name a topic, or have a pattern that it matches. */
export function isSelected(topic: string, topics: readonly (string | RegExp)[]): boolean {
  // A copy, since a pattern with the flag `g` remembers where it was.
  return topics.some((one) => (typeof one === 'string' ? one === topic : new RegExp(one).test(topic)));
}
