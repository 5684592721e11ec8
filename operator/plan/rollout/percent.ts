/** A share as people read it, with three digits: 0.000123 is "0.0123 %". */
export const percent = (share: number) => `${Number((100 * share).toPrecision(3))} %`
