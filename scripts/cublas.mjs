// Takes the headers of cuBLAS out of NVIDIA's Python package, for a machine that compiles the GPU
// library without the whole toolkit: node scripts/cublas.mjs. The package (some 400 MB) goes again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Release of nvcc as a number, such as 13; 0 where there is none. */
export function nvccMajor() {
  const nvcc = ['nvcc', '/usr/local/cuda/bin/nvcc'].map((path) =>
    spawnSync(path, ['--version'], { encoding: 'utf8' }),
  );
  return Number(nvcc.map(({ stdout }) => stdout?.match(/release (\d+)/)?.[1]).find(Boolean) ?? 0);
}

const HEADERS = join(import.meta.dirname, '../.cache/cublas');

/** Where Python's packages have them. */
const PACKAGES = `
import sys
for place in sys.path:
    print(place + "/nvidia/cu13/include", place + "/nvidia/cublas/include", sep="\\n")
`;

/** Whether CMake will find the headers (native/backend/cuda/library.cmake). */
export function hasHeaders() {
  const packages = spawnSync('python3', ['-c', PACKAGES], { encoding: 'utf8' }).stdout ?? '';
  const places = ['/usr/include', '/usr/local/cuda/include', process.env.CUBLAS_INCLUDE, HEADERS];
  return [...places, ...packages.split('\n')].some(
    (dir) => dir && existsSync(join(dir, 'cublasLt.h')),
  );
}

/** Python that copies a wheel's headers, without folders, into a directory. */
const EXTRACT = `
import sys, zipfile
from pathlib import Path
wheel, into = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.endswith(".h"):
            (Path(into) / Path(name).name).write_bytes(archive.read(name))
`;

function fetchHeaders(major) {
  const download = mkdtempSync(join(tmpdir(), 'attune-cublas-'));
  const python = (...args) =>
    spawnSync('python3', args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: 300_000,
    });
  try {
    const wanted = major >= 13 ? `nvidia-cublas>=${major},<${major + 1}` : 'nvidia-cublas-cu12';
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:'];
    const { status, stderr } = python(...pip, '--dest', download, wanted);
    if (status !== 0) return stderr?.trim().split('\n').at(-1) || 'pip did not end in time';
    mkdirSync(HEADERS, { recursive: true });
    const extracted = python('-c', EXTRACT, join(download, readdirSync(download)[0]), HEADERS);
    return hasHeaders() ? null : extracted.stderr;
  } finally {
    rmSync(download, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const major = nvccMajor();
  if (major === 0) console.error('cublas: no nvcc here, so nothing to fetch');
  else if (hasHeaders()) console.error('cublas: the headers are there');
  else {
    const problem = fetchHeaders(major);
    console.error(problem ? `cublas: no headers: ${problem}` : `cublas: headers in ${HEADERS}`);
    if (problem) process.exitCode = 1;
  }
}
