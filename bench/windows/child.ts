import { measureAlone } from '../alone.js';
import { algorithms } from './algorithms.js';
import { keyed } from './keyed.js';
import { operators } from './operators.js';
import { records } from './records.js';

measureAlone({ ...algorithms, ...keyed, ...operators, ...records }[process.argv[2] ?? ''], 7);
