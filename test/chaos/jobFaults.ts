import type { Fault, Scene } from './fault.js';

const forEach = ({ jobs }: Scene, work: (job: Scene['jobs'][number]) => unknown) => Promise.all(jobs.map(work));

/** What happens to the process of each job, and in its own output. */
export const jobFaults: readonly Fault[] = [
  {
    name: 'the job is killed',
    begin: async ({ jobs, random, wait }) => {
      for (let kills = 1 + Math.floor(random() * 3); kills > 0; kills--) {
        // One after the other, each in another part of its batch.
        for (const job of jobs) {
          await job.kill();
          job.start();
          await wait(3_000 / jobs.length);
        }
      }
    },
  },
  {
    name: 'the job is frozen',
    begin: (scene) => forEach(scene, (job) => job.freeze()),
    end: (scene) => forEach(scene, (job) => job.thaw()),
  },
  {
    name: 'the job is stopped and started',
    begin: (scene) =>
      forEach(scene, async (job) => {
        await job.stop();
        job.start();
      }),
  },
  {
    name: 'the job is stopped while servers are silent',
    begin: (scene) => {
      for (const proxy of [...scene.world.brokerProxies, scene.world.postgresProxy]) proxy.swallow = 'both';
      return forEach(scene, (job) => job.stop());
    },
    end: (scene) => forEach(scene, (job) => job.start()),
  },
  {
    name: 'the job is killed while a broker is silent',
    begin: (scene) => {
      scene.pick(scene.world.brokerProxies).swallow = 'both';
      return forEach(scene, async (job) => {
        await job.kill();
        job.start();
      });
    },
  },
  {
    name: 'the output throws',
    begin: (scene) => forEach(scene, (job) => job.command('output-throws')),
    end: (scene) => forEach(scene, (job) => job.command('output-well')),
  },
  {
    name: 'the output hangs',
    begin: (scene) => forEach(scene, (job) => job.command('output-hangs')),
    end: (scene) => forEach(scene, (job) => job.command('output-well')),
  },
];
