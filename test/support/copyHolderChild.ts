// DIRECTORY: holds the copies there and has one open until it is killed. Writes `held`.
import { lmdbCopies } from '../../src/state/lmdb/lmdbCopies.js';

const copies = lmdbCopies(process.argv[2] ?? '', 200);
copies.hold();
const copy = await copies.open();
await copy.own();
process.stdout.write('held\n');
setInterval(() => {}, 1_000);
