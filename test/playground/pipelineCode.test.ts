import * as dstream from 'dstream';
import * as kafka from 'dstream/kafka';
import * as kafkajs from 'kafkajs';
import { isObservable } from 'rxjs';
import { expect, it } from 'vitest';
import { fields } from '../../docs/playground/model/fields.js';
import { pipelineCode } from '../../docs/playground/model/pipelineCode.js';
import { presets } from '../../docs/playground/model/presets.js';
import { controllers, defaults, type Setting } from '../../docs/playground/model/setting.js';

const modules: Readonly<Record<string, object>> = { dstream, 'dstream/kafka': kafka, kafkajs };

/** Runs the program up to its subscription, with the modules that it imports. */
function streamOf(code: string): unknown {
  const body = code
    .replaceAll(/^import \{(.*)\} from '(.*)';$/gm, (_, names, from) => `const {${names}} = modules['${from}'];`)
    .replace(/^kafkaBatches\(/m, 'return kafkaBatches(')
    .replace(/\n {2}\.subscribe\(\);\n$/, ';');
  expect(body).not.toBe(code);
  return new Function('modules', body)(modules);
}

const limits = fields.flatMap((field) => [
  { ...defaults, [field.name]: field.min },
  { ...defaults, [field.name]: field.max },
]);

it('is a program whose every option the library accepts', () => {
  const settings: readonly Setting[] = [...presets.map(({ setting }) => setting), ...limits];
  for (const setting of settings) {
    for (const controller of controllers) {
      const code = pipelineCode({ ...setting, controller });
      expect(isObservable(streamOf(code)), code).toBe(true);
    }
  }
});
