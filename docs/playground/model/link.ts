import { fields } from './fields.js';
import { type Change, controllers, defaults, loads, type NumberName, type Setting } from './setting.js';

/** The setting as the fragment of a link: what differs from the defaults. */
export function linkOf(setting: Setting): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(setting)) {
    if (name === 'changes' || value === defaults[name as keyof Setting]) continue;
    parameters.set(name, String(value));
  }
  for (const { at, name, value } of setting.changes) parameters.append('then', `${at}:${name}:${value}`);
  return parameters.toString();
}

/** The setting of a fragment. What it does not name, or names with a value out of its range, is as by default. */
export function settingOf(fragment: string): Setting {
  const parameters = new URLSearchParams(fragment);
  const numbers = fields.flatMap(({ name }) => {
    const value = numberOf(name, parameters.get(name));
    return value === undefined ? [] : [[name, value]];
  });
  const changes = parameters.getAll('then').flatMap(changeOf);
  return {
    ...defaults,
    ...Object.fromEntries(numbers),
    load: oneOf(loads, parameters.get('load')) ?? defaults.load,
    controller: oneOf(controllers, parameters.get('controller')) ?? defaults.controller,
    beside: oneOf(controllers, parameters.get('beside')) ?? defaults.beside,
    changes,
  };
}

function changeOf(text: string): readonly Change[] {
  const [at = '', name = '', value = ''] = text.split(':');
  const field = fields.find((one) => one.name === name && !one.restarts);
  const number = field && numberOf(field.name, value);
  if (!field || number === undefined || !(Number(at) > 0)) return [];
  return [{ at: Number(at), name: field.name, value: number }];
}

function numberOf(name: NumberName, text: string | null): number | undefined {
  const field = fields.find((one) => one.name === name);
  const value = Number(text);
  if (!field || text === null || text === '' || !(value >= field.min && value <= field.max)) return undefined;
  return value;
}

function oneOf<T extends string>(values: readonly T[], text: string | null): T | undefined {
  return values.find((value) => value === text);
}
