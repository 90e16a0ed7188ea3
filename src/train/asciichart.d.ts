declare module 'asciichart' {
  const chart: { plot(series: readonly number[], options?: { height?: number }): string };
  export default chart;
}
