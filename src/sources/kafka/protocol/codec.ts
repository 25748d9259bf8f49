/** How the records of a record batch are compressed. */
export interface Codec {
  /** Kafka's name for it, such as `snappy`. */
  readonly name: string;
  /** The package that provides it, for the error that is raised when it is missing. */
  readonly packageName: string;
  /** Returns the bytes at once or later; `undefined` when no implementation is registered. */
  readonly decompress: ((bytes: Buffer) => Buffer | Promise<Buffer>) | undefined;
  /** The same the other way; absent where nothing is written. */
  readonly compress?: ((bytes: Buffer) => Buffer | Promise<Buffer>) | undefined;
}

/** The codec with this number in the attributes of a record batch; `undefined` when Kafka has none with it. */
export type CodecLookup = (id: number) => Codec | undefined;
