import type { Fault } from './fault.js';

/** What happens to the process of the job, and in its own output. */
export const jobFaults: readonly Fault[] = [
  {
    name: 'the job is killed',
    begin: async ({ job, random, wait }) => {
      for (let kills = 1 + Math.floor(random() * 3); kills > 0; kills--) {
        await job.kill();
        job.start();
        await wait(3_000);
      }
    },
  },
  {
    name: 'the job is frozen',
    begin: async ({ job }) => job.freeze(),
    end: async ({ job }) => job.thaw(),
  },
  {
    name: 'the job is stopped and started',
    begin: async ({ job }) => {
      await job.stop();
      job.start();
    },
  },
  {
    name: 'the job is stopped while servers are silent',
    begin: async ({ job, world }) => {
      for (const proxy of [...world.brokerProxies, world.postgresProxy]) proxy.swallow = 'both';
      await job.stop();
    },
    end: async ({ job }) => job.start(),
  },
  {
    name: 'the job is killed while a broker is silent',
    begin: async ({ job, world, pick }) => {
      pick(world.brokerProxies).swallow = 'both';
      await job.kill();
      job.start();
    },
  },
  {
    name: 'the output throws',
    begin: async ({ job }) => job.command('output-throws'),
    end: async ({ job }) => job.command('output-well'),
  },
  {
    name: 'the output hangs',
    begin: async ({ job }) => job.command('output-hangs'),
    end: async ({ job }) => job.command('output-well'),
  },
];
