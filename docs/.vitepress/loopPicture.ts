// Draws a line of steps, `a -> b -> c`, and the edge below it that leads back, as SVG. The columns of `^` and `|` say between which steps.
import { escapeHtml } from '../build/escapeHtml.mjs';

const charPx = 7.3;
const step = { height: 34, padding: 11, gap: 20 };
const backY = 84;

interface Placed {
  readonly text: string;
  readonly x: number;
  readonly width: number;
}

/** Whether an indented block is such a picture. */
export const isLoop = (content: string): boolean => /^.+ -> .+\n +\^ +\|\n +\+-+/.test(content);

/** The picture as SVG. */
export function loopPicture(content: string): string {
  const [forward = '', marks = '', back = ''] = content.trimEnd().split('\n');
  const steps = place(forward.split(' -> '), 2, step.padding, step.gap);
  const width = rightOf(steps) + 2;
  const [to, from] = ['^', '|'].map((mark) => centerOf(steps[indexAt(forward, marks.indexOf(mark))]));
  if (to === undefined || from === undefined) throw new Error(`no step at the ends of the edge:\n${content}`);
  const names = [...back.matchAll(/[A-Za-z]+(?: [A-Za-z]+)*/g)].map(([name]) => name);
  const widths = names.map((name) => name.length * charPx + 2 * step.padding);
  const gap = (from - to - widths.reduce((sum, w) => sum + w, 0)) / (names.length + 1);
  const labels = place(names, to + gap, step.padding, gap);
  const forwardArrows = steps.slice(1).map(({ x }) => arrow(x - step.gap, x, 2 + step.height / 2));
  const parts = [
    ...forwardArrows,
    `<path class="window" d="M${round(from)} ${step.height + 2}V${backY}H${round(to)}V${step.height + 6}"/>`,
    `<path class="window" d="M${round(to - 4)} ${step.height + 11}L${round(to)} ${step.height + 5}l4 6"/>`,
    ...steps.map((box) => drawBox(box, 2, 'batch')),
    ...labels.map((box) => drawBox(box, backY - step.height / 2, 'call')),
  ];
  const height = backY + step.height / 2 + 4;
  return `<svg width="${round(width)}" height="${height}" viewBox="0 0 ${round(width)} ${height}" aria-hidden="true" focusable="false">${parts.join('')}</svg>`;
}

function place(texts: readonly string[], from: number, padding: number, gap: number): readonly Placed[] {
  let x = from;
  return texts.map((text) => {
    const placed = { text, x, width: text.length * charPx + 2 * padding };
    x += placed.width + gap;
    return placed;
  });
}

/** Which step is above a column. */
function indexAt(forward: string, column: number): number {
  return forward.slice(0, column + 1).split(' -> ').length - 1;
}

const rightOf = (boxes: readonly Placed[]): number => Math.max(...boxes.map(({ x, width }) => x + width));
const centerOf = (box: Placed | undefined): number | undefined => box && box.x + box.width / 2;
const round = (value: number): number => Math.round(value * 10) / 10;

function arrow(from: number, to: number, y: number): string {
  return `<path class="edge" d="M${round(from)} ${y}H${round(to)}m-6 -4l6 4l-6 4"/>`;
}

function drawBox({ text, x, width }: Placed, y: number, name: string): string {
  const rect = `<rect class="${name}" x="${round(x)}" y="${y}" width="${round(width)}" height="${step.height}" rx="7"/>`;
  return `${rect}<text x="${round(x + width / 2)}" y="${y + 21}" text-anchor="middle">${escapeHtml(text)}</text>`;
}
