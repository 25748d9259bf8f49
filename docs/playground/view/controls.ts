import { element, newId } from '../../../src/dashboard/page/view/element.js';
import { type FieldGroup, groups } from '../model/fields.js';
import { presets } from '../model/presets.js';
import { type ControllerName, controllers, type Load, loads, type NumberName, type Setting } from '../model/setting.js';
import { FieldControl } from './fieldControl.js';

const controllerTexts: Readonly<Record<ControllerName | 'off', string>> = {
  costModel: 'costModel',
  pid: 'pid (Spark)',
  fixedRate: 'fixedRate',
  dynamicInterval: 'dynamicInterval',
  none: 'none',
  off: 'nothing beside it',
};

/** The setting as controls: presets, selections, and a slider with a number field for each number. */
export class Controls {
  /** Apart from the others: on a phone it is above the stream, and they are below. */
  readonly presets: HTMLElement;
  readonly root: HTMLElement;
  readonly #fields: readonly FieldControl[];
  readonly #load: HTMLSelectElement;
  readonly #controller: HTMLSelectElement;
  readonly #beside: HTMLSelectElement;
  readonly #preset: HTMLSelectElement;
  readonly #look = element('p', { class: 'look' });
  #setting: Setting;

  /** `changed` is called with the whole new setting, and whether the run has to begin again. */
  constructor(setting: Setting, changed: (setting: Setting, restarts: boolean) => void) {
    this.#setting = setting;
    const change = (part: Partial<Setting>, restarts: boolean) => {
      this.set({ ...this.#setting, ...part });
      changed(this.#setting, restarts);
    };
    const options = (names: readonly (ControllerName | 'off')[]) =>
      names.map((name) => [name, controllerTexts[name]] as const);
    this.#load = select(
      loads.map((load) => [load, load]),
      (load) => change({ load: load as Load }, false),
    );
    this.#controller = select(options(controllers), (name) => change({ controller: name as ControllerName }, true));
    this.#beside = select(options(['off', ...controllers]), (name) =>
      change({ beside: name as ControllerName | 'off' }, true),
    );
    this.#preset = select([['', 'your own'], ...presets.map(({ name, title }) => [name, title] as const)], (name) => {
      const preset = presets.find((one) => one.name === name);
      if (preset) change(preset.setting, true);
    });
    const build = (group: FieldGroup) =>
      group.fields.map((field) => {
        // A number that is changed by hand leaves the course of the preset.
        const changes = (value: number) => ({
          [field.name]: value,
          changes: this.#setting.changes.filter(({ name }) => name !== field.name),
        });
        return new FieldControl(field, (value) => change(changes(value), field.restarts ?? false));
      });
    const built = groups.map((group) => ({ group, controls: build(group) }));
    this.#fields = built.flatMap(({ controls }) => controls);
    const before: Readonly<Record<string, readonly HTMLElement[]>> = {
      Input: [labelled('Shape', this.#load)],
      Stream: [labelled('Controller', this.#controller), labelled('Beside it', this.#beside)],
    };
    this.presets = element('div', { class: 'presets card' }, labelled('Preset', this.#preset), this.#look);
    this.root = element(
      'form',
      { class: 'controls card', attrs: { 'aria-label': 'Setting' } },
      ...built.map(({ group, controls }) =>
        element(
          'fieldset',
          {},
          element('legend', { text: group.title }),
          ...(before[group.title] ?? []),
          ...controls.map(({ root }) => root),
        ),
      ),
    );
    this.root.addEventListener('submit', (event) => event.preventDefault());
    this.set(setting);
  }

  /** Shows a setting. */
  set(setting: Setting): void {
    this.#setting = setting;
    const { load, controller, beside } = setting;
    this.#load.value = load;
    this.#controller.value = controller;
    this.#beside.value = beside;
    for (const control of this.#fields) {
      const { name, of } = control.field;
      control.set(setting[name]);
      control.root.hidden = of !== undefined && !of.includes(controller) && (beside === 'off' || !of.includes(beside));
    }
    const preset = presets.find((one) => sameSetting(one.setting, setting));
    this.#preset.value = preset?.name ?? '';
    this.#look.textContent = preset?.look ?? '';
    this.#look.hidden = preset === undefined;
  }

  /** The run itself has changed a number, as a preset says. */
  show(name: NumberName, value: number): void {
    this.#fields.find(({ field }) => field.name === name)?.set(value);
  }
}

function select(options: readonly (readonly [value: string, text: string])[], chosen: (value: string) => void) {
  const created = element(
    'select',
    {},
    ...options.map(([value, text]) => element('option', { text, attrs: { value } })),
  );
  created.addEventListener('change', () => chosen(created.value));
  return created;
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  const id = newId('control');
  control.id = id;
  return element('div', { class: 'choice' }, element('label', { text, attrs: { for: id } }), control);
}

function sameSetting(a: Setting, b: Setting): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}
