/** Some records that came one after the other, the first of them at offset `from` of all that the receiver gave. */
export interface Block<T> {
  readonly from: number;
  readonly records: readonly T[];
}
