import { measureAlone } from '../alone.js';
import { table } from './table.js';

const [name = '', side = ''] = process.argv.slice(2);
measureAlone(table[name]?.[side as 'operator' | 'byHand'], 5);
