// Copies jars that tests and benchmarks run, once, into an ignored directory of the repository. Uses nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

export const hasCommand = (command) => spawnSync(command, ['-version'], { stdio: 'ignore' }).error === undefined;

/**
 * Jars by their Maven coordinates, with all that they need.
 *
 * @param {{ name: string, version: string, directory: string, artifacts: [group: string, artifact: string, version: string][] }} library
 */
export function jars({ name, version, directory, artifacts }) {
  const library = join(root, directory, version);
  const done = join(library, 'done');
  return {
    /** Why nothing of it can be run here; `undefined` when it can. */
    whyNot() {
      const needed = existsSync(done) ? ['java'] : ['java', 'mvn'];
      const missing = needed.filter((command) => !hasCommand(command));
      return missing.length === 0 ? undefined : `there is no ${missing.join(' and no ')}`;
    },
    /** Returns the class path. */
    ensure() {
      const lib = join(library, 'lib');
      if (existsSync(done)) return join(lib, '*');
      mkdirSync(library, { recursive: true });
      const pom = join(library, 'pom.xml');
      writeFileSync(pom, pomOf(directory.replace('.', ''), artifacts));
      console.log(`dstream: fetching ${name} ${version} with Maven`);
      const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`];
      const { status } = spawnSync('mvn', args, { stdio: 'inherit' });
      if (status !== 0) throw new Error(`Maven could not fetch ${name}`);
      writeFileSync(done, '');
      return join(lib, '*');
    },
  };
}

function pomOf(id, artifacts) {
  const dependencies = artifacts.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>dstream</groupId><artifactId>${id}</artifactId><version>1</version><dependencies>
${dependencies.join('\n')}
</dependencies></project>`;
}
