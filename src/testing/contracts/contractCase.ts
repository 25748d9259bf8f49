/** One thing that an implementation must do: to be run as a test of its own, by any test runner. */
export interface ContractCase {
  /** What it does, as a sentence that goes on from the name of the contract. */
  readonly name: string;
  /** Rejects with an Error that says what was expected and what came. */
  run(): Promise<void>;
}
