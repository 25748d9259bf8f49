// The picture of a page that others show beside a link to it: title, what the page is about, and the mark. Drawn at build with the fonts of the
// site; one file for each page, of 20 KB or so. To encode it takes most of the time: pictures of the reference, of which there are hundreds, are
// smaller.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';

const drawn = { width: 1200, height: 630 };
const small = 1 / 2;

/** How large the picture of a page is, in pixels. */
export function socialSize(isReference) {
  const scale = isReference ? small : 1;
  return { width: drawn.width * scale, height: drawn.height * scale };
}

const margin = 80;
const colours = { paper: '#fffdfa', text: '#26211c', quiet: '#57504a', accent: '#a33a0a', line: '#e4dcd2' };

const resolve = createRequire(import.meta.url).resolve;
for (const weight of [400, 600]) {
  const file = resolve(`@fontsource/ibm-plex-sans/files/ibm-plex-sans-latin-${weight}-normal.woff2`);
  if (!GlobalFonts.registerFromPath(file, `Plex ${weight}`)) throw new Error(`${file} is no font that can be drawn`);
}

/** The text in lines that fit, the last of them shortened where there are more. */
function linesOf(context, text, width, most) {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), `${lines[most - 1].replace(/\W+$/, '')} …`];
}

/** Batches on a line: the mark of the site. */
function drawBatches(context, y) {
  context.strokeStyle = colours.line;
  context.lineWidth = 3;
  context.beginPath();
  context.moveTo(0, y);
  context.lineTo(drawn.width, y);
  context.stroke();
  for (const [i, records] of [3, 1, 4, 2, 3].entries()) {
    const x = 720 + i * 84;
    context.fillStyle = colours.paper;
    context.strokeStyle = '#8b8177';
    context.lineWidth = 2;
    context.beginPath();
    context.roundRect(x, y - 44, 60, 88, 12);
    context.fill();
    context.stroke();
    for (let record = 0; record < records; record++) {
      context.fillStyle = record % 3 === 1 ? '#2f6fae' : record % 3 === 2 ? '#3f8136' : '#c2541c';
      context.beginPath();
      context.arc(x + 18 + 24 * (record % 2), y - 18 + 30 * Math.floor(record / 2), 9, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

/** Writes the picture of a page as JPEG: a PNG takes four times as long, for the same size. */
export function writeSocialPicture(file, { title, description, section, isReference }) {
  const { width, height } = drawn;
  const size = socialSize(isReference);
  const canvas = createCanvas(size.width, size.height);
  const context = canvas.getContext('2d');
  context.scale(size.width / width, size.height / height);
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, width, height);
  context.fillStyle = colours.accent;
  context.fillRect(0, 0, width, 14);
  context.font = '30px "Plex 600"';
  context.fillText('dstream', margin, 104);
  const left = context.measureText('dstream').width + margin + 20;
  context.fillStyle = colours.quiet;
  context.font = '30px "Plex 400"';
  context.fillText(section, left, 104);
  context.fillStyle = colours.text;
  let letters = 76;
  do {
    letters -= 4;
    context.font = `${letters}px "Plex 600"`;
  } while (letters > 40 && linesOf(context, title, width - 2 * margin, 9).length > 2);
  const titleLines = linesOf(context, title, width - 2 * margin, 2);
  for (const [i, line] of titleLines.entries()) context.fillText(line, margin, 160 + (i + 1) * letters * 1.12);
  const below = 178 + titleLines.length * letters * 1.12;
  context.font = '31px "Plex 400"';
  context.fillStyle = colours.quiet;
  for (const [i, line] of linesOf(context, description, width - 2 * margin, 4).entries()) {
    context.fillText(line, margin, below + (i + 1) * 44);
  }
  drawBatches(context, 548);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, canvas.encodeSync('jpeg', 85));
}
