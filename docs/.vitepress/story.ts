// What a diagram that the reader steps through shows: made from a run by `build/stories.ts`, drawn by `theme/StepDiagram.vue`.

export interface Story {
  /** What a screen reader calls the diagram. */
  readonly title: string;
  /** Labels of the columns, such as batch times. */
  readonly columns: readonly string[];
  readonly steps: readonly Step[];
}

export interface Step {
  /** What happens in this step. Together the texts tell the whole story. */
  readonly text: string;
  readonly lanes?: readonly Lane[];
  readonly bars?: readonly Bars[];
  /** Covers columns from one to another, both included. */
  readonly bracket?: { readonly from: number; readonly to: number; readonly label: string };
  readonly table?: Table;
}

/** Boxes on a line of time. */
export interface Lane {
  readonly name: string;
  readonly boxes: readonly Box[];
}

export interface Box {
  readonly column: number;
  readonly records: readonly string[];
  /** `open`: not complete yet; `lost`: aborted by a crash. */
  readonly mark?: 'open' | 'done' | 'lost';
}

/** A value for each column so far. */
export interface Bars {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** The largest value of all steps. */
  readonly most: number;
}

export interface Table {
  readonly name: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
}
