import { measureAlone } from '../alone.js';
import { contenders } from './contenders.js';

const [group = '', name = ''] = process.argv.slice(2);
measureAlone(contenders[group]?.[name], 5);
