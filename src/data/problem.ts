/** Why a row is refused; thrown without a place, the caller adds file and line. */
export class RowProblem extends Error {}
