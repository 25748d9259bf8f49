/** Under which a task keeps for how many partitions its states are. No operator has this id: ids are the user's, and nobody writes brackets. */
export const taskStateId = '(task)';
/** What saves it. */
export const taskStateOperator = 'task';
/** Its only key. */
export const partitionsKey = 'partitions';
