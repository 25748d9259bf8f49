type Slices = { utf8Slice(from: number, until: number): string };

/** The UTF-8 text of the bytes at [`from`, `until`) of a buffer: what `toString` calls, without its look at the arguments. */
export function utf8Text(bytes: Uint8Array, from: number, until: number): string {
  return (bytes as unknown as Slices).utf8Slice(from, until);
}
