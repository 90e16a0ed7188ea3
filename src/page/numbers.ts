/** Numbers as pages write them. */

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** 12.3 %, and never 0 % or 100 % of what is not quite. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const share = (100 * part) / whole;
  if (share > 0 && share < 0.1) return '< 0.1 %';
  if (share < 100 && share > 99.9) return '> 99.9 %';
  return `${share.toFixed(share === 100 || share === 0 ? 0 : 1)} %`;
}

/** The same in few letters: 12 %. */
export function rounded(part: number, whole: number): string {
  return percent(part, whole).replace(/\d+\.\d+/, (share) => {
    return String(Math.min(99, Math.max(1, Math.round(Number(share)))));
  });
}

/** 93 → `1 min 33 s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${(hours / 24).toFixed(1)} days`;
}

/** Three significant digits, and K, M, G, T, P or E. */
export function short(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  const units = ['', ' K', ' M', ' G', ' T', ' P', ' E'];
  let unit = 0;
  let rest = value;
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${Number(rest.toPrecision(digits))}${units[unit]}`;
}
