import { measureAlone } from '../alone.js';
import { contenders } from './contenders.js';

measureAlone(contenders[process.argv[2] ?? ''], 7);
