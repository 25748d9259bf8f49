/**
 * Where the slots of a `FilledWindow` are, by id. The numbers of a slot lie side by side, because a pane that enters or leaves reads all of
 * them, and visits slots in any order: so a visit reads one line of memory.
 */
export class SlotPlaces {
  /** `slotNumbers` of them for each id, in the order of the constants below. */
  numbers = new Int32Array(64 * slotNumbers);

  /** Makes room for a slot that is in no pane. */
  add(id: number): void {
    const at = slotNumbers * id;
    if (at >= this.numbers.length) {
      const longer = new Int32Array(2 * this.numbers.length);
      longer.set(this.numbers);
      this.numbers = longer;
    }
    this.numbers.fill(0, at, at + slotNumbers);
  }
}

export const slotNumbers = 4;

/** The number of panes in the window that contain the slot. */
export const panesOf = 0;
/** The number of panes that are being filled and have a partial of it; -1 if it was removed. */
export const openOf = 1;
/** While panes in the window have it: the serial number of the newest one, and the place there. */
export const newestPaneOf = 2;
export const newestPlaceOf = 3;
