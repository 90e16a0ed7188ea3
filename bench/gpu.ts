// The measuring stages of scripts/gpu/prove.py, which needs no Node: npm run bench -- gpu [ARGUMENTS].
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const script = join(import.meta.dirname, '../scripts/gpu/prove.py');
const given = process.argv.slice(2);
const stages = given.includes('--stage') ? [] : ['--stage', 'build,ops,adapters,train'];
const { status, error } = spawnSync('python3', [script, ...stages, ...given], { stdio: 'inherit' });
if (error) console.error(`python3 cannot be run: ${error.message}`);
process.exit(status ?? 1);
