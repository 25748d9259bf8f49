import type { RunningEffects } from '../../wire/streamView.js';

/** `foreachPartition rows (3)`: an operator with its `id`, and how many of its effects there are. `other` where no operator is named. */
export function outputLabel({ operator, id, count }: RunningEffects, other = ''): string {
  const name = [operator ?? other, id].filter(Boolean).join(' ');
  return count > 1 ? `${name} (${count})` : name;
}

/** `effect of foreachPartition rows (3)`, or the stage alone. */
export function stageLabel(stage: string, effects: readonly RunningEffects[]): string {
  return effects.length === 0 ? stage : `${stage} of ${effects.map((one) => outputLabel(one)).join(', ')}`;
}
