/** What of kafkajs's encoder our own requests take. */
export interface Encoder {
  writeInt8(value: number): this;
  writeInt32(value: number): this;
  writeInt64(value: number): this;
  writeString(value: string): this;
  writeUVarInt(value: number): this;
  writeUVarIntString(value: string): this;
}
