export interface Jars {
  whyNot(): string | undefined;
  ensure(): string;
}

export function hasCommand(command: string): boolean;
export function jars(library: {
  readonly name: string;
  readonly version: string;
  readonly directory: string;
  readonly artifacts: readonly (readonly [group: string, artifact: string, version: string])[];
}): Jars;
