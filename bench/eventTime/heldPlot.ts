import { plotStyle } from './plotStyle.js';
import { replay } from './replay.js';

const width = 720;
const left = 64;
const right = 16;
const plot = { top: 44, height: 190 };
const bottom = plot.top + plot.height;
const height = bottom + 62;

const sharings = ['lag', 'aligned'] as const;
const shown = { lag: 'by lag', aligned: "rateSharing: 'aligned'" };
const title = 'A day of four partitions is read again, two of them without records in the first six hours';

/** The records that a replay holds open, batch by batch: by lag, and aligned. */
export function heldPicture(): string {
  const size = { sparsest: 1_000, budget: 200 };
  const runs = sharings.map((rateSharing) => replay('densities 1:3:10:30, a night in two', { rateSharing, ...size }));
  const most = runs.map(({ held }) => Math.max(...held));
  const top = niceCeiling(Math.max(...most));
  const batches = Math.max(...runs.map(({ held }) => held.length));
  const x = (batch: number) => round(left + ((width - left - right) * batch) / batches);
  const y = (held: number) => round(plot.top + plot.height * (1 - held / top));
  const lines = runs.map(({ held }, i) => {
    const points = held.map((each, batch) => `${batch === 0 ? 'M' : 'L'}${x(batch + 1)},${y(each)}`);
    return `<path class="line line${i}" d="${points.join('')}"/>`;
  });
  const ticks = [0, top / 2, top].map(
    (held) =>
      `<path class="tick" d="M${left},${y(held)}H${width - right}"/><text x="${left - 8}" y="${y(held)}" dy="4" text-anchor="end">${held.toLocaleString('en')}</text>`,
  );
  const legend = sharings.map((sharing, i) => {
    const at = left + 200 * i;
    return `<path class="line line${i}" d="M${at},${bottom + 42}h26"/><text x="${at + 34}" y="${bottom + 46}">${shown[sharing]}</text>`;
  });
  const described = sharings.map((sharing, i) => `${shown[sharing]} at most ${most[i]}`).join(', ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>${title}. Records held open in batches of ${size.budget}: ${described}.</title>
<style>${plotStyle}
</style>
<text class="title" x="${left}" y="22">Records held open, in batches of ${size.budget}</text>
${ticks.join('\n')}
<path class="axis" d="M${left},${plot.top}V${bottom}H${width - right}"/>
<text x="${left}" y="${bottom + 18}">first batch</text>
<text x="${width - right}" y="${bottom + 18}" text-anchor="end">batch ${batches}</text>
${lines.join('\n')}
${legend.join('\n')}
</svg>
`;
}

/** One, two or five times a power of ten. */
function niceCeiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * ([1, 2, 5].find((times) => times * unit >= value) ?? 10);
}

function round(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
