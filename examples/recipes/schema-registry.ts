// # Records with a schema registry
//
// Each value starts with a zero byte and the id of its schema, in four bytes. `deserialize` is synchronous, so it returns id and bytes, and
// `concatMapBatch` decodes them once the schemas of the batch are there, each asked for once. A decoder of Avro or Protobuf goes where
// `JSON.parse` is.
import { concatMapBatch, foreachBatch, logBatches, memoryLog, type RecordView } from 'dstream';

interface Encoded {
  readonly schema: number;
  readonly payload: Uint8Array;
}

type Schema = { readonly fields: readonly string[] };

/** A stand-in for `GET /schemas/ids/ID`. */
const registry: Readonly<Record<number, Schema>> = { 1: { fields: ['id'] }, 2: { fields: ['id', 'city'] } };
async function fetchSchema(id: number): Promise<Schema> {
  console.log('schema', id);
  const schema = registry[id];
  if (!schema) throw new Error(`there is no schema ${id}`);
  return schema;
}

const schemas = new Map<number, Promise<Schema>>();
function schemaOf(id: number): Promise<Schema> {
  const schema = schemas.get(id) ?? fetchSchema(id);
  schemas.set(id, schema);
  return schema;
}

function encodedOf({ value }: RecordView): Encoded {
  if (value?.[0] !== 0) throw new Error('the value does not start with the byte of a schema registry');
  const schema = new DataView(value.buffer, value.byteOffset).getUint32(1);
  // The bytes are a view of what was fetched: keep a copy.
  return { schema, payload: value.slice(5) };
}

async function decode({ schema, payload }: Encoded): Promise<Record<string, unknown>> {
  const { fields } = await schemaOf(schema);
  const values = JSON.parse(new TextDecoder().decode(payload)) as readonly unknown[];
  return Object.fromEntries(fields.map((field, i) => [field, values[i]]));
}

const encode = (schema: number, ...values: readonly unknown[]) => {
  const text = new TextEncoder().encode(JSON.stringify(values));
  return { value: new Uint8Array([0, 0, 0, 0, schema, ...text]) };
};
const log = memoryLog({ topics: { users: 1 } });
log.append('users', [encode(1, 7), encode(2, 8, 'Rome'), encode(2, 9, 'Oslo')]);
const users = logBatches(log, { topics: ['users'], start: 'earliest', interval: 100, deserialize: encodedOf });
users
  .pipe(
    concatMapBatch((records) => Promise.all(records.map(decode))),
    foreachBatch((records) => {
      for (const record of records) console.log(record);
      if (records.length > 0) void users.stop();
    }),
  )
  .subscribe();
// => schema 1
// => schema 2
// => { id: 7 }
// => { id: 8, city: 'Rome' }
// => { id: 9, city: 'Oslo' }
