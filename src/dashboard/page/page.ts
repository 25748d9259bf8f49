import type { BoardUpdate } from '../wire/boardUpdate.js';
import type { GroupView } from '../wire/groupView.js';
import type { StreamView } from '../wire/streamView.js';
import { Connection, type ConnectionState, loadDetail, signIn } from './connection.js';
import { histogram } from './model/distribution.js';
import { formatDuration } from './model/format.js';
import { History } from './model/history.js';
import { totalsOf } from './model/summaries.js';
import { type Link, verdictOf } from './model/verdict.js';
import { BatchPanel } from './view/batchPanel.js';
import { inputChart, processingChart, schedulingChart, totalChart } from './view/chartSpecs.js';
import { Charts } from './view/charts.js';
import { DrawQueue } from './view/drawQueue.js';
import { element } from './view/element.js';
import { ErrorPanel } from './view/errorPanel.js';
import { EventTimePanel } from './view/eventTimePanel.js';
import { Figures } from './view/figures.js';
import { GroupPanel } from './view/groupPanel.js';
import { HistogramBars } from './view/histogramBars.js';
import { LagPanel } from './view/lagPanel.js';
import { OpenPanel } from './view/openPanel.js';
import { RatePanel } from './view/ratePanel.js';
import { SignInForm } from './view/signInForm.js';
import { StatePanel } from './view/statePanel.js';
import { Theme } from './view/theme.js';
import { TopBar } from './view/topBar.js';

// The page: what arrives is merged at once, and drawn part by part in the next frames.

const histogramBins = 8;

let history = new History();
let streams: readonly string[] = [];
let view: StreamView | undefined;
let group: GroupView | undefined;
let link: Link = { state: 'online', heardAt: undefined };

const fragment = new URLSearchParams(location.hash.slice(1));
const figures = new Figures();
const lag = new LagPanel();
const rate = new RatePanel();
const state = new StatePanel();
const eventTime = new EventTimePanel();
const open = new OpenPanel();
const errors = new ErrorPanel();
const member = new GroupPanel();
const batches = new BatchPanel(({ id }) => loadDetail(view?.name ?? '', id));
const totals = new HistogramBars();
const specs = [inputChart, processingChart, schedulingChart, { ...totalChart, beside: totals.root }];
const charts = new Charts(specs, (row) => {
  if (!batches.open(row)) topBar.notice('Only the batches in the table can be opened.');
});
const theme = new Theme(() => charts.recolor());
const topBar = new TopBar(theme.button, follow);
const board = element(
  'div',
  { class: 'board' },
  figures.root,
  charts.root,
  element('div', { class: 'panels' }, lag.root, rate.root, state.root),
  element(
    'div',
    { class: 'lists' },
    batches.root,
    element('div', { class: 'stack' }, eventTime.root, open.root, errors.root, member.root),
  ),
);
const form = new SignInForm(enter);
form.root.hidden = true;
const main = element('main', {}, topBar.verdict, board, form.root);
document.body.append(topBar.root, main);
charts.draw();
const connection = new Connection({ update, state: connectionChanged });
document.addEventListener('visibilitychange', () => {
  connection.show(!document.hidden);
  // Nothing is heard while it is hidden: the title must not go on to say how the stream does.
  if (document.hidden) topBar.title(view);
});
const queue = new DrawQueue(
  () => {
    topBar.update(streams, view, verdictOf(view, history.rows, history.failures, link), link.state === 'online');
    board.dataset.empty = String(!view && !group);
  },
  () => view && figures.update(view, history.rows),
  ...specs.map((_, i) => () => charts.update(history.rows, i)),
  () => totals.update(histogram(totalsOf(history.rows), histogramBins)),
  () => view && lag.update(view),
  () => view && rate.update(view, history.rows),
  () => view && state.update(view),
  () => {
    if (batches.update(history.rows)) queue.request();
  },
  () => view && eventTime.update(view),
  () => view && open.update(view),
  () => errors.update(history.failures),
  () => member.update(group),
);

void start();

async function start(): Promise<void> {
  const token = fragment.get('token');
  if (token !== null) {
    fragment.delete('token');
    // The token must not stay in the address, where it would be shared or bookmarked with it.
    window.history.replaceState(null, '', fragment.size > 0 ? `#${fragment}` : location.pathname);
    if (!(await signIn(token).catch(() => true))) return refuse('The token of this link is wrong.');
  }
  connection.follow(fragment.get('stream') ?? undefined);
  queue.request();
}

async function enter(token: string): Promise<boolean> {
  const right = await signIn(token);
  if (right) {
    form.root.hidden = true;
    board.hidden = false;
    topBar.verdict.hidden = false;
    connection.follow(fragment.get('stream') ?? undefined);
  }
  return right;
}

function refuse(message: string): void {
  board.hidden = true;
  topBar.verdict.hidden = true;
  form.show(message);
}

function follow(stream: string): void {
  fragment.set('stream', stream);
  window.history.replaceState(null, '', `#${fragment}`);
  history = new History();
  view = undefined;
  link = { state: 'online', heardAt: undefined };
  connection.follow(stream);
  queue.request();
}

function update(news: BoardUpdate): void {
  streams = news.streams;
  view = news.view ?? view;
  group = news.group ?? group;
  link = { state: 'online', heardAt: Date.now() };
  history.add(news.rows, news.failures);
  queue.request();
}

function connectionChanged(state: ConnectionState, silentMs = 0): void {
  if (state === 'refused') refuse('');
  link = { ...link, state };
  board.dataset.connection = state;
  topBar.notice(noticeOf(state, silentMs));
  queue.request();
}

function noticeOf(state: ConnectionState, silentMs: number): string {
  // Screen readers announce each change.
  const step = silentMs < 60_000 ? 5_000 : 60_000;
  switch (state) {
    case 'silent':
      return `No update for ${formatDuration(silentMs - (silentMs % step))}: the process is blocked, or does not reach this page.`;
    case 'full':
      return 'Too many pages of this board are open. Trying again.';
    case 'offline':
      return 'The process does not answer. Trying again; what is shown is what was last known.';
    default:
      return '';
  }
}
