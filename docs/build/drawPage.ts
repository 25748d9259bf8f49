import { isDeepStrictEqual } from 'node:util';
import { picturesOf, runPicture } from '../../test/docs/picture.js';
import { drawingOf } from '../.vitepress/diagram.js';

/** Runs the pictures of a page and draws what the runs gave, in order. Throws where the page says something else than its run. */
export function drawPage(path: string, text: string): readonly string[] {
  return picturesOf(text).map((picture) => {
    const { actual, expected, drawing } = runPicture(picture);
    if (!isDeepStrictEqual(actual, expected)) {
      const json = (value: unknown) => JSON.stringify(value);
      throw new Error(`docs/${path}: the picture says ${json(expected)}, the run ${json(actual)}`);
    }
    return drawingOf(drawing);
  });
}
