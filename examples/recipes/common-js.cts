// # From CommonJS
//
// dstream is an ES module. A CommonJS file loads it with `import()`, which works in every Node; from Node 22.12 on `require('dstream')`
// does too. Jest runs such a file with `node --experimental-vm-modules node_modules/jest/bin/jest.js`.
async function main(): Promise<void> {
  const { foreachBatch, fromBatches } = await import('dstream');
  fromBatches([['from', 'CommonJS']], { interval: 100 })
    .pipe(foreachBatch((words) => console.log(words.join(' '))))
    .subscribe();
}

void main();
// => from CommonJS
