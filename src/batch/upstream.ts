// Subscribing runs up the whole pipeline at once, synchronously, to its sources. That is the one moment in which an
// operator can learn what it stands on, whatever foreign operators are in between. A stream that is multicast and runs
// already is not subscribed to again: what lies behind it stays unknown until it shows itself.

let tell: ((part: object) => void) | undefined;

/** Runs `subscribe`, and calls `found` with whatever names itself by `noteUpstream` meanwhile. */
export function findUpstream(subscribe: () => void, found: (part: object) => void): void {
  const outer = tell;
  tell = (part) => {
    found(part);
    outer?.(part);
  };
  try {
    subscribe();
  } finally {
    tell = outer;
  }
}

/** Tells the operators further down that they stand on this part. To be called while being subscribed to. */
export function noteUpstream(part: object): void {
  tell?.(part);
}
