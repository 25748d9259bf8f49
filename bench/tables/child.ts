import { measureAlone } from '../alone.js';
import { contender } from './contenders.js';

const [side = '', rows = '', batchSize = ''] = process.argv.slice(2);
measureAlone(contender(side, Number(rows), Number(batchSize)), 3);
