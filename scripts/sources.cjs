// Prints a list of native/sources.json for binding.gyp: `node scripts/sources.cjs kernels`.
const sources = require('../native/sources.json');
const list = process.argv.slice(2).reduce((value, key) => value[key], sources);
console.log(list.join('\n'));
