// node --import tsx docs/build/runs.ts: what the site shows of runs, in one process.
import './pictures.js';
import './stories.js';
