import { writeReport } from '../train/report.ts';
import { print } from './report.ts';

/** `attune report`: prints where the page is. */
export async function runReport(dir: string): Promise<void> {
  await print(await writeReport(dir));
}
