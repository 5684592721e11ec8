/** The few shapes that our pictures are made of. */

/** Digits of a coordinate that nobody sees would only make differences. */
export const n = (value: number): string => String(Math.round(value * 10) / 10)

export const escaped = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export const text = (x: number, y: number, value: string, style = 'left'): string =>
  `<text x="${n(x)}" y="${n(y)}" class="${style}">${escaped(value)}</text>`

/** Round numbers from 0 on, some five of them. */
export function ticks(most: number): number[] {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const wide = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? rough
  const step = Math.max(1, wide)
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step)
}

export interface Frame {
  left: number
  right: number
  top: number
  height: number
  y: (value: number) => number
}

/** The axes of a diagram, with the name and the values of the vertical one. */
export function frame(
  { left, right, top, height, y }: Frame,
  name: string,
  values: readonly number[],
  label: (value: number) => string,
): string[] {
  return [
    `<path d="M${n(left)} ${n(top)}V${n(top + height)}H${n(right)}" fill="none" stroke="#888888"/>`,
    `<text transform="translate(${n(left - 50)} ${n(top + height / 2)}) rotate(-90)" class="middle">${name}</text>`,
    ...values.flatMap((value) => [
      `<path d="M${n(left - 4)} ${n(y(value))}H${n(left)}" stroke="#888888"/>`,
      text(left - 8, y(value) + 4, label(value), 'end'),
    ]),
  ]
}

/** Names with their colours in one row that ends at `end`. */
export function legend(end: number, y: number, colours: Readonly<Record<string, string>>): string[] {
  let right = end
  return Object.entries(colours)
    .toReversed()
    .flatMap(([name, colour]) => {
      const nameEnd = right
      right -= name.length * 6.5 + 32
      return [
        `<path d="M${n(right + 10)} ${n(y - 4)}h14" stroke="${colour}" stroke-width="3"/>`,
        text(nameEnd, y, name, 'end'),
      ]
    })
}

export function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" font-family="sans-serif" font-size="12" fill="#222222">`,
    `<title>${escaped(title)}</title>`,
    '<style>.title{font-size:15px;font-weight:bold}.end{text-anchor:end}.middle{text-anchor:middle}</style>',
    // Without a ground of its own it could not be read where pages are dark.
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}
