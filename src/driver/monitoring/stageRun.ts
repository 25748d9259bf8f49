import type { Stage, StageEnd, StageKind } from '../../batch/monitoring/stage.js';

/** What is known of a stage before it runs. */
export type StageDescription = Omit<Stage, 'onEnd'>;

/** A stage that has begun, and the listeners for its end. */
export class StageRun implements Stage {
  readonly kind: StageKind;
  readonly time: number;
  readonly operator: string | undefined;
  readonly id: string | undefined;
  readonly partition: number | undefined;
  readonly #startTime: number;
  readonly #report: (error: unknown) => void;
  #listeners: ((end: StageEnd) => void)[] = [];
  #end: StageEnd | undefined;

  /** `report` receives what a listener throws. */
  constructor(description: StageDescription, startTime: number, report: (error: unknown) => void) {
    this.kind = description.kind;
    this.time = description.time;
    this.operator = description.operator;
    this.id = description.id;
    this.partition = description.partition;
    this.#startTime = startTime;
    this.#report = report;
  }

  onEnd(listener: (end: StageEnd) => void): void {
    if (this.#end) this.#call(listener, this.#end);
    else this.#listeners.push(listener);
  }

  /** Only the first call counts. */
  end(endTime: number, failure?: { readonly error: unknown }): void {
    if (this.#end) return;
    const end = { startTime: this.#startTime, endTime, ...failure };
    this.#end = end;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) this.#call(listener, end);
  }

  #call(listener: (end: StageEnd) => void, end: StageEnd): void {
    try {
      listener(end);
    } catch (error) {
      this.#report(error);
    }
  }
}
