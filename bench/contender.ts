/** What is timed: set up and warmed up, and then run several times for a number of units. */
export interface Prepared {
  readonly units: number;
  run(units: number): void;
  /** What came of it, so that nothing is optimised away, and so that contenders can be compared. */
  check(): unknown;
}

export type Contender = () => Prepared;
