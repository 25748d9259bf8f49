import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fields } from '../../docs/playground/model/fields.js';
import { linkOf, settingOf } from '../../docs/playground/model/link.js';
import { pipelineCode } from '../../docs/playground/model/pipelineCode.js';
import { presets } from '../../docs/playground/model/presets.js';
import { controllers, defaults, loads, type Setting } from '../../docs/playground/model/setting.js';
import { propertySettings } from '../property/settings.js';

const inSteps = ({ min, max, step }: (typeof fields)[number]) =>
  fc.integer({ min: 0, max: Math.floor((max - min) / step) }).map((n) => Number((min + n * step).toFixed(6)));
const changeable = fields.filter(({ restarts }) => !restarts);
const change = fc
  .constantFrom(...changeable)
  .chain((field) =>
    fc.record({ at: fc.integer({ min: 1, max: 900 }), name: fc.constant(field.name), value: inSteps(field) }),
  );
const settings = fc.record({
  ...(Object.fromEntries(fields.map((field) => [field.name, inSteps(field)])) as object),
  load: fc.constantFrom(...loads),
  controller: fc.constantFrom(...controllers),
  beside: fc.constantFrom('off', ...controllers),
  changes: fc.array(change, { maxLength: 4 }),
}) as unknown as fc.Arbitrary<Setting>;

it('a link holds the whole setting', () => {
  fc.assert(
    fc.property(settings, (setting) => void expect(settingOf(linkOf(setting))).toEqual(setting)),
    propertySettings(),
  );
});

it.each(presets.map((preset) => [preset.name, preset.setting] as const))('a link holds the preset %s', (_, setting) => {
  expect(settingOf(linkOf(setting))).toEqual(setting);
});

it('a link with anything else in it opens as by default', () => {
  expect(linkOf(defaults)).toBe('');
  const odd = ['rate=-5', 'rate=x', 'rate=', 'rate=1e9', 'load=no', 'controller=constructor', 'then=5:interval:200'];
  for (const fragment of [
    ...odd,
    'then=0:rate:5',
    'then=a:b',
    'then=5:rate:9999',
    '%',
    'nothing=1',
    'partitions=1e99',
  ]) {
    expect(settingOf(fragment), fragment).toEqual(defaults);
  }
});

it('shows the pipeline as code', () => {
  expect(
    pipelineCode({ ...defaults, controller: 'pid', integral: 0.5, interval: 2_000 }),
  ).toBe(`import { foreachBatch, json, pid } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { Kafka } from 'kafkajs';

const kafka = new Kafka({ brokers: ['localhost:9092'] });
kafkaBatches(kafka, {
  topics: ['orders'],
  groupId: 'playground',
  start: 'earliest',
  interval: 2_000,
  deserialize: json(),
  backpressure: pid({ integral: 0.5, minRate: 10 }),
  initialRate: 100,
  retry: { delay: 500 },
})
  .pipe(foreachBatch((records, { time }) => console.log(new Date(time).toISOString(), records.length)))
  .subscribe();
`);
  expect(pipelineCode({ ...defaults, controller: 'dynamicInterval' })).toContain(
    '  dynamicInterval: dynamicInterval({ minInterval: 100, maxInterval: 10_000 }),',
  );
});
