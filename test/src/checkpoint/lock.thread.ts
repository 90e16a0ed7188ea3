// A thread that takes the directory it is given, and keeps it until it is ended.
import { parentPort, workerData } from 'node:worker_threads';
import { lockDirectory } from '../../../src/checkpoint/lock.ts';

lockDirectory(workerData).then(() => parentPort?.postMessage('locked'));
