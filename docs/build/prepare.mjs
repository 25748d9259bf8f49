// node build/prepare.mjs: makes what the site shows of the library, before VitePress reads the pages.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeApi } from './api.mjs';
import { writeExamples } from './examples.mjs';
import { openProgram, writeTypes } from './types.mjs';

console.log(`dstream: ${writeExamples()} pages of examples`);
const opened = openProgram();
const operators = fileURLToPath(new URL('../operators', import.meta.url));
const names = await writeApi(opened, new Set(readdirSync(operators).map((file) => file.replace(/\.md$/, ''))));
console.log(`dstream: ${names.length} pages of public names`);
console.log(`dstream: ${writeTypes(opened)} names of examples with their types`);
