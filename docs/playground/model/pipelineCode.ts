import type { ControllerName, Setting } from './setting.js';
import { defaults } from './setting.js';

/** The stream of a setting as a program that runs as it is copied. */
export function pipelineCode(setting: Setting): string {
  const { controller, interval } = setting;
  const { name, call, options } = controllerCode(controller, setting);
  const imports = ['foreachBatch', 'json', ...(name ? [name] : [])].sort();
  const lines = [
    `import { ${imports.join(', ')} } from 'dstream';`,
    "import { kafkaBatches } from 'dstream/kafka';",
    "import { Kafka } from 'kafkajs';",
    '',
    "const kafka = new Kafka({ brokers: ['localhost:9092'] });",
    'kafkaBatches(kafka, {',
    "  topics: ['orders'],",
    "  groupId: 'playground',",
    "  start: 'earliest',",
    `  interval: ${number(interval)},`,
    '  deserialize: json(),',
    ...(call ? [`  ${call},`] : []),
    ...options.map((option) => `  ${option},`),
    '  retry: { delay: 500 },',
    '})',
    '  .pipe(foreachBatch((records, { time }) => console.log(new Date(time).toISOString(), records.length)))',
    '  .subscribe();',
  ];
  return `${lines.join('\n')}\n`;
}

interface ControllerCode {
  readonly name?: string;
  readonly call?: string;
  readonly options: readonly string[];
}

function controllerCode(controller: ControllerName, setting: Setting): ControllerCode {
  const initialRate = `initialRate: ${number(setting.initialRate)}`;
  switch (controller) {
    case 'costModel': {
      const given = changed(setting, ['target', 'slack', 'minRate']);
      return { name: controller, call: `backpressure: costModel(${given})`, options: [initialRate] };
    }
    case 'pid': {
      const given = changed(setting, ['proportional', 'integral', 'derivative', 'minRate']);
      return { name: controller, call: `backpressure: pid(${given})`, options: [initialRate] };
    }
    case 'fixedRate':
      return { name: controller, call: `backpressure: fixedRate(${number(setting.initialRate)})`, options: [] };
    case 'dynamicInterval': {
      const { minInterval, maxInterval } = setting;
      const given = `{ minInterval: ${number(minInterval)}, maxInterval: ${number(maxInterval)} }`;
      return { name: controller, call: `dynamicInterval: dynamicInterval(${given})`, options: [] };
    }
    case 'none':
      return { options: [] };
  }
}

/** The options that differ from those of the library; `minRate` of the playground does always. */
function changed(
  setting: Setting,
  names: readonly ('target' | 'slack' | 'proportional' | 'integral' | 'derivative' | 'minRate')[],
): string {
  const given = names.filter((name) => name === 'minRate' || setting[name] !== defaults[name]);
  return `{ ${given.map((name) => `${name}: ${number(setting[name])}`).join(', ')} }`;
}

function number(value: number): string {
  return value.toLocaleString('en').replaceAll(',', '_');
}
