#!/usr/bin/env node
import { main } from './main.js';

const { argv, stdin, stdout, stderr } = process;
process.exitCode = await main(argv.slice(2), { input: stdin, output: stdout, errors: stderr });
