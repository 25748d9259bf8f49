/** What is looked up by an age: the number of the state (4), then the age of the key (6). */
export function ageKey(state: number, seq: number): Buffer {
  const bytes = Buffer.allocUnsafe(10);
  bytes.writeUInt32BE(state, 0);
  bytes.writeUIntBE(seq, 4, 6);
  return bytes;
}
