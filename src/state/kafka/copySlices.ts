import { LoopSlices } from '../../storage/loopSlices.js';

/** All copies that a process follows have one slice of a turn together, to read and to write: the tasks have the rest. */
export const copySlices = new LoopSlices();
