import { element } from '../../src/dashboard/page/view/element.js';
import { Theme } from '../../src/dashboard/page/view/theme.js';
import { linkOf, settingOf } from './model/link.js';
import { pipelineCode } from './model/pipelineCode.js';
import { presets } from './model/presets.js';
import type { Setting } from './model/setting.js';
import { Simulation } from './model/simulation.js';
import { Controls } from './view/controls.js';
import { RunBar, type Speed } from './view/runBar.js';
import { StreamColumn } from './view/streamColumn.js';

// The page: in each frame the run goes on by what has passed, times the speed, as far as there is time for in a frame.

const frameBudgetMs = 12;
/** What a measurement of the speed takes, at least. */
const measuredMs = 1_000;
/** A page that was hidden does not catch up. */
const maxFrameMs = 100;

const first = location.hash.length > 1 ? settingOf(location.hash.slice(1)) : (presets[0]?.setting as Setting);
let simulation: Simulation;
let columns: readonly StreamColumn[] = [];
let paused = matchMedia('(prefers-reduced-motion: reduce)').matches;
let speed: Speed = 10;
/** Of the last second: how far the run went, and how far it should have gone, in ms. */
let measured = { went: 0, due: 0 };
let reached: number | undefined;
let last = performance.now();

const theme = new Theme(
  () => {
    for (const column of columns) column.recolor();
  },
  // That of the other pages of the site.
  'vitepress-theme-appearance',
);
const controls = new Controls(first, (setting, restarts) => {
  link(setting);
  if (restarts) begin(setting);
  else simulation.setting = setting;
});
const runBar = new RunBar({
  pause: () => {
    paused = !paused;
  },
  restart: () => begin(settingOf(location.hash.slice(1))),
  speed: (chosen) => {
    speed = chosen;
    paused = false;
    reached = undefined;
    measured = { went: 0, due: 0 };
  },
  slow: () => {
    simulation.isSlow = !simulation.isSlow;
  },
  away: () => simulation.takeBrokerAway(),
  fail: () => each((stream) => stream.failOnce()),
  crash: () => each((stream) => stream.crash()),
  stop: () => {
    const running = simulation.streams.some((stream) => stream.isRunning);
    each((stream) => (running ? stream.stop() : stream.start()));
  },
});
const code = element('pre', { attrs: { tabindex: '0', 'aria-label': 'The pipeline as code' } });
const codeCopied = element('span', { class: 'muted', attrs: { role: 'status' } });
const codePanel = element(
  'details',
  { class: 'card code' },
  element('summary', { text: 'As code' }),
  code,
  copyButton('Copy the code', () => code.textContent ?? '', codeCopied, {
    done: 'It runs with Node, dstream, rxjs and kafkajs.',
    failed: 'Select it to copy it.',
  }),
  codeCopied,
);
const linkCopied = element('span', { class: 'muted', attrs: { role: 'status' } });
const copy = copyButton('Copy the link', () => location.href, linkCopied, {
  done: 'The link holds the whole setting.',
  failed: 'The link is in the address bar.',
});
const runs = element('div', { class: 'runs' });
const main = element(
  'main',
  {},
  controls.presets,
  element('div', { class: 'board' }, runBar.root, runs),
  element('div', { class: 'side' }, controls.root, codePanel, copy, linkCopied),
);
document.querySelector('.top')?.append(theme.button);
document.body.append(main);
window.addEventListener('hashchange', () => {
  begin(settingOf(location.hash.slice(1)));
});
link(first);
begin(first);
requestAnimationFrame(frame);

function begin(setting: Setting): void {
  simulation?.close();
  // A run begins at midnight, wherever it is watched.
  simulation = new Simulation(setting, new Date(2026, 0, 1).getTime(), (name, value) => controls.show(name, value));
  controls.set(setting);
  columns = simulation.streams.map((stream) => new StreamColumn(stream));
  runs.replaceChildren(...columns.map(({ root }) => root));
  runs.dataset.streams = String(columns.length);
  for (const column of columns) column.draw();
  draw();
}

function frame(now: number): void {
  const passed = Math.min(now - last, maxFrameMs);
  last = now;
  if (!paused && passed > 0) {
    const begun = performance.now();
    const before = simulation.elapsed;
    simulation.advance(passed * speed, () => performance.now() - begun > frameBudgetMs);
    measured = { went: measured.went + simulation.elapsed - before, due: measured.due + passed * speed };
    if (measured.due > measuredMs * speed) measure();
  }
  draw();
  requestAnimationFrame(frame);
}

/** Says that the machine is slower than the chosen speed where that is plain to see. */
function measure(): void {
  const part = measured.went / measured.due;
  reached = part < 0.9 ? Math.max(1, Math.round(part * speed)) : undefined;
  measured = { went: 0, due: 0 };
}

function draw(): void {
  for (const column of columns) column.update();
  runBar.update({
    elapsed: simulation.elapsed,
    paused,
    speed,
    reached,
    slow: simulation.isSlow,
    away: simulation.brokerIsAway,
    stopped: simulation.streams.every((stream) => !stream.isRunning),
  });
}

function each(act: (stream: Simulation['streams'][number]) => void): void {
  for (const stream of simulation.streams) act(stream);
}

function link(setting: Setting): void {
  history.replaceState(null, '', `#${linkOf(setting)}`);
  code.textContent = pipelineCode(setting);
}

/** A button that copies a text and says in `status` whether it could. */
function copyButton(
  label: string,
  text: () => string,
  status: HTMLElement,
  said: { readonly done: string; readonly failed: string },
): HTMLButtonElement {
  const copyText = () =>
    navigator.clipboard.writeText(text()).then(
      () => status.replaceChildren(said.done),
      () => status.replaceChildren(said.failed),
    );
  return element('button', {
    class: 'action',
    text: label,
    attrs: { type: 'button' },
    onClick: () => void copyText(),
  });
}
