import fc from 'fast-check';
import { it } from 'vitest';
import { nightly } from '../support/nightly.js';
import { lateSave, liveTasks, taskHistory } from '../support/taskHistory.js';
import { propertySettings } from './settings.js';

it('whatever happens to the processes, every record is written under one id and counted once', () => {
  fc.assert(fc.property(taskHistory, liveTasks), propertySettings(nightly ? 200 : 12));
});

it('a process that is stopped in the middle of a save and goes on when others have its tasks saves nothing', () => {
  liveTasks(lateSave);
});
