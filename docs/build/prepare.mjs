// node build/prepare.mjs: makes what the site shows of the library, before VitePress reads the pages.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeApi } from './api.mjs';

const operators = fileURLToPath(new URL('../operators', import.meta.url));
const names = await writeApi(new Set(readdirSync(operators).map((file) => file.replace(/\.md$/, ''))));
console.log(`dstream: ${names.length} pages of public names`);
