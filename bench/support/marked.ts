// Figures within pages that are otherwise written by hand. Invariant: they stand between two marks, and nothing else is touched.

const marksOf = (name: string): [begin: string, end: string] => [`<!-- ${name} -->`, `<!-- end of ${name} -->`]

function placeOf(page: string, name: string): [from: number, to: number] {
  const [begin, end] = marksOf(name)
  const [from, to] = [page.indexOf(begin) + begin.length, page.indexOf(end)]
  if (from < begin.length || to < from) throw new Error(`the page has no '${begin}' before '${end}'`)
  return [from, to]
}

/** What stands between the marks of this name. */
export const marked = (page: string, name: string): string => page.slice(...placeOf(page, name)).trim()

/** The page with `text` between the marks of this name. */
export function withMarked(page: string, name: string, text: string): string {
  const [from, to] = placeOf(page, name)
  return `${page.slice(0, from)}\n${text}\n${page.slice(to)}`
}
