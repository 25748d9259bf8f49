import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { pipelineCode } from '../../../docs/playground/model/pipelineCode.js';
import { controllers, defaults } from '../../../docs/playground/model/setting.js';
import { brokers, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const root = new URL('../../../', import.meta.url);
const records = 50;

describeKafka('the code of the playground, as it is copied', () => {
  const kafka = newKafka();
  const files: URL[] = [];

  afterAll(() => {
    for (const file of files) rmSync(file, { force: true });
  });

  /** Starts the program. Resolves when it has printed the count of all records. */
  async function run(code: string): Promise<void> {
    const file = new URL(`.cache/playground-${process.pid}-${files.length}.mjs`, root);
    files.push(file);
    writeFileSync(file, code);
    const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(file)], {
      cwd: root,
      env: { ...process.env, TSX_TSCONFIG_PATH: fileURLToPath(new URL('tsconfig.json', root)) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> })) {
      const [, count] = /^\d{4}-\d\d-\d\dT\S+Z (\d+)$/.exec(line) ?? [];
      seen += Number(count ?? Number.NaN);
      if (seen >= records) child.kill();
    }
    await closed;
    expect(seen).toBe(records);
  }

  for (const controller of controllers) {
    it(`reads a topic: ${controller}`, async () => {
      const topic = await makeTopic(kafka, 2);
      const messages = Array.from({ length: records }, (_, i) => ({ key: String(i), value: JSON.stringify({ i }) }));
      await produce(kafka, topic, [messages]);
      const code = pipelineCode({ ...defaults, controller });
      expect(code).toContain("'localhost:9092'");
      await run(
        code
          .replace("'localhost:9092'", brokers.map((broker) => `'${broker}'`).join())
          .replace("'orders'", `'${topic}'`)
          .replace("'playground'", `'${topic}-group'`),
      );
    });
  }
});
