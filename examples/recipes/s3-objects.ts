// # Objects in S3
//
// An object store is a `FileSink`: `PutObject` shows an object whole or not at all, and replaces one of the same name, so a batch that comes again
// after a crash leaves every record once. `send` is that of `S3Client` of the package `@aws-sdk/client-s3`.
import { foreachBatch, fromBatches } from 'dstream';
import { type FileSink, saveAsObjectFiles } from 'dstream/node';

/** What the recipe uses of an S3 client: `client.send(new PutObjectCommand(...))`. */
type Put = (object: { readonly Bucket: string; readonly Key: string; readonly Body: Uint8Array }) => Promise<unknown>;

function s3Sink(put: Put, bucket: string): FileSink {
  return {
    write: async (name, content) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      await put({ Bucket: bucket, Key: name, Body: Buffer.concat(chunks) });
    },
  };
}

/** A stand-in for the store. */
const objects = new Map<string, string>();
const put: Put = async ({ Bucket, Key, Body }) => objects.set(`${Bucket}/${Key}`, Buffer.from(Body).toString());

/** A folder for each hour, as queries over objects like it. */
const folder = ({ time }: { readonly time: number }) => `views/hour=${new Date(time).toISOString().slice(0, 13)}/`;

fromBatches([[{ page: '/' }, { page: '/cart' }]], { interval: 100, partitions: 1 })
  .pipe(
    saveAsObjectFiles(folder, { sink: s3Sink(put, 'archive') }),
    foreachBatch((views) => console.log(views.length, 'views saved')),
  )
  .subscribe({
    complete: () => {
      for (const [key, body] of objects) console.log(key.replaceAll(/\d/g, '0'), JSON.stringify(body));
    },
  });
// => 2 views saved
// => archive/views/hour=0000-00-00T00/0000000000000-part-00000.jsonl "{\"page\":\"/\"}\n{\"page\":\"/cart\"}\n"
