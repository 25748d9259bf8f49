/** A module beside the one at `url`, with the same ending: `.js`, or `.ts` where sources run as they are. */
export function besideThis(url: string, name: string): URL {
  return new URL(`./${name}${/\.\w+$/.exec(url)?.[0] ?? '.js'}`, url);
}
